package bundle

import (
	"fmt"
	"slices"

	"github.com/serveflow/serveflow/internal/nearest"
)

// unknown is the label of flows that are of no class, or that no model was asked about.
const unknown = "unknown"

// checkNames checks the names of the classes. One that is called unknown would look as if no
// model had answered, so it may only be the class of novelty, which is never a label.
func (m *Manifest) checkNames() error {
	if n := len(m.Classes); n < 2 || n > maxClasses {
		return manifestError("classes has %d names; list 2 to %d, in the order of the models' scores", n, maxClasses)
	}
	novelty, _ := m.noveltyClass()
	for i, class := range m.Classes {
		if !isText(class) || slices.Contains(m.Classes[:i], class) {
			return manifestError("classes: name %d is %q; use unique names of one line and up to 64 characters", i+1, class)
		}
		if class == unknown && novelty != unknown {
			return manifestError("classes: name %d is %q, the label of flows that are of no class; use another name, or name it as the class of each stage's novelty", i+1, class)
		}
	}
	return nil
}

// noveltyClass is the class that stands for all that is unknown, and the first stage that names
// it; "" if there is none.
func (m *Manifest) noveltyClass() (class, stage string) {
	for i := range m.Stages {
		if n := m.Stages[i].Novelty; n != nil && n.Class != "" {
			return n.Class, m.Stages[i].Name
		}
	}
	return "", ""
}

// checkNoveltyClass checks that the class that stands for all that is unknown does so in every
// stage: it would be the label of a flow that another one answers. It is in no family, which would
// be sure where the flow is like no class.
func (m *Manifest) checkNoveltyClass() error {
	class, with := m.noveltyClass()
	if class == "" {
		return nil
	}
	for i := range m.Stages {
		if s := &m.Stages[i]; s.Novelty == nil || s.Novelty.Class != class {
			return manifestError("stage %s: novelty does not have the class %q of stage %s, so that could be a label; give each stage that class", s.Name, class, with)
		}
	}
	for _, f := range m.Families {
		if slices.Contains(f.Classes, class) {
			return manifestError("families: %s has the class %q, which is that of novelty in stage %s and never a label; take it out of the family", f.Name, class, with)
		}
	}
	return nil
}

// checkFamilies checks that families and classes have names of their own, and that no class is in
// two families.
func (m *Manifest) checkFamilies() error {
	if m.Families != nil && len(m.Families) == 0 {
		return manifestError("families is empty; leave it out")
	}
	var names, members []string
	for i, f := range m.Families {
		switch {
		case !isText(f.Name) || slices.Contains(names, f.Name) || slices.Contains(m.Classes, f.Name):
			return manifestError("families: name %d is %q; use unique names of one line and up to 64 characters, which no class has", i+1, f.Name)
		case f.Name == unknown:
			return manifestError("families: name %d is %q, the label of flows that are of no class; use another name", i+1, f.Name)
		case len(f.Classes) == 0:
			return manifestError("families: %s has no classes; list those that are close to each other", f.Name)
		case f.Threshold != nil && !(*f.Threshold >= 0 && *f.Threshold <= 1):
			return manifestError("families: %s: threshold is %v; choose 0 to 1, or leave it out", f.Name, *f.Threshold)
		}
		if err := m.checkClasses(f.Classes); err != nil {
			return manifestError("families: %s: %w", f.Name, err)
		}
		for _, class := range f.Classes {
			if slices.Contains(members, class) {
				return manifestError("families: class %q is there twice; each belongs to one family at most", class)
			}
			members = append(members, class)
		}
		names = append(names, f.Name)
	}
	return nil
}

// checkClasses checks that each name is a class, and is there once.
func (m *Manifest) checkClasses(names []string) error {
	for i, name := range names {
		switch {
		case !slices.Contains(m.Classes, name):
			return m.noClass(name)
		case slices.Contains(names[:i], name):
			return fmt.Errorf("class %q is there twice; list it once", name)
		}
	}
	return nil
}

// noClass is the complaint about a name that is none of the classes.
func (m *Manifest) noClass(name string) error {
	if near := nearest.Like(name, m.Classes); near != "" {
		return fmt.Errorf("%q is none of the classes; the nearest is %q", name, near)
	}
	return fmt.Errorf("%q is none of the classes; use names that classes lists", name)
}

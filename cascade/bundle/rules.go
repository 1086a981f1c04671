package bundle

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/internal/nearest"
)

// slowEngine is the one whose models are not asked in the partitions' goroutines.
const slowEngine = "onnx"

// checkRules checks what a stage may say besides its model.
func (m *Manifest) checkRules(s *StageSpec, last bool) error {
	if err := m.checkMaxDepth(s); err != nil {
		return err
	}
	for _, class := range slices.Sorted(maps.Keys(s.Thresholds)) {
		if !slices.Contains(m.Classes, class) {
			return fmt.Errorf("thresholds: %w", m.noClass(class))
		}
		if x := s.Thresholds[class]; !(x >= 0 && x <= 1) {
			return fmt.Errorf("thresholds: %q has %v; choose 0 to 1", class, x)
		}
	}
	if !(s.GapUncertainty >= 0 && s.GapUncertainty <= 1) {
		return fmt.Errorf("gap_uncertainty is %v; choose 0 to 1", s.GapUncertainty)
	}
	if err := m.checkPatience(s, last); err != nil {
		return err
	}
	if err := m.checkHazard(s, last); err != nil {
		return err
	}
	return m.checkNovelty(s)
}

// checkBehind checks a stage that comes after a slow one: no more packets can be waited for there,
// and the flow is no longer at hand for a model besides the stage's own.
func (m *Manifest) checkBehind(i int) error {
	s := &m.Stages[i]
	for _, before := range m.Stages[:i] {
		switch {
		case before.Engine != slowEngine:
			continue
		case s.Depth != before.Depth:
			return fmt.Errorf("depth is %d, and %d of stage %s before it, whose engine onnx has a queue; use the same depth, or put the stage before it", s.Depth, before.Depth, before.Name)
		case s.MaxDepth != 0 || s.Hazard != nil || s.Novelty != nil && s.Novelty.File != "":
			return fmt.Errorf("max_depth, hazard and a novelty's file are of no use behind stage %s, whose engine onnx has a queue; leave them out", before.Name)
		}
	}
	return nil
}

func (m *Manifest) checkMaxDepth(s *StageSpec) error {
	switch {
	case s.MaxDepth == 0:
		return nil
	case m.Input == Conn:
		return errors.New("max_depth is for packets; with input \"conn\" leave it out")
	case s.Engine == slowEngine:
		return errors.New("max_depth is for engine \"leaves\", which answers at once; leave it out")
	case s.MaxDepth < s.Depth || s.MaxDepth > nprint.MaxDepth:
		return fmt.Errorf("max_depth is %d; choose %d, the depth, to %d packets", s.MaxDepth, s.Depth, nprint.MaxDepth)
	}
	return nil
}

func (m *Manifest) checkPatience(s *StageSpec, last bool) error {
	switch {
	case m.Input == Conn && s.Patience != nil:
		return errors.New("patience is for packets; with input \"conn\" leave it out")
	case s.Patience != nil && len(s.Patience) == 0:
		return errors.New("patience is empty; leave it out")
	case s.Patience != nil && s.Engine == slowEngine:
		return errors.New("patience is for engine \"leaves\", behind which a flow may wait for packets; leave it out")
	case s.Patience != nil && last && s.MaxDepth == 0:
		return errors.New("patience is there, but no stage behind it that would wait for a packet; leave it out")
	}
	for i, p := range s.Patience {
		switch {
		case !(p.MS >= .001 && p.MS <= 3_600_000): // records have microseconds
			return fmt.Errorf("patience %d: ms is %v; choose .001, a microsecond, up to an hour", i+1, p.MS)
		case p.Packets < 0 || p.Packets > nprint.MaxDepth:
			return fmt.Errorf("patience %d: packets is %d; choose 1 to %d, or leave it out", i+1, p.Packets, nprint.MaxDepth)
		case p.Classes != nil && len(p.Classes) == 0:
			return fmt.Errorf("patience %d: classes is empty; leave it out for all", i+1)
		}
		if err := m.checkClasses(p.Classes); err != nil {
			return fmt.Errorf("patience %d: %w", i+1, err)
		}
		if before := slices.IndexFunc(s.Patience[:i], func(b PatienceSpec) bool { return b.covers(&p) }); before >= 0 {
			return fmt.Errorf("patience %d: rule %d before it holds for all of its flows; put it before that, or leave it out", i+1, before+1)
		}
	}
	return nil
}

// covers reports whether the rule holds wherever another one does.
func (p *PatienceSpec) covers(other *PatienceSpec) bool {
	missing := func(class string) bool { return !slices.Contains(p.Classes, class) }
	return (p.Packets == 0 || p.Packets == other.Packets) &&
		(p.Classes == nil || other.Classes != nil && !slices.ContainsFunc(other.Classes, missing))
}

func (m *Manifest) checkHazard(s *StageSpec, last bool) error {
	switch h := s.Hazard; {
	case h == nil:
		return nil
	case m.Input == Conn:
		return errors.New("hazard is for packets; with input \"conn\" leave it out")
	case s.Engine == slowEngine:
		return errors.New("hazard is for engine \"leaves\", which answers while the flow waits; leave it out")
	case last && s.MaxDepth == 0:
		return errors.New("hazard is there, but no stage behind it that would wait for a packet; leave it out")
	case !(h.Below > 0 && h.Below <= 1):
		return errors.New("hazard: below is missing, or not above 0 and up to 1; choose the probability of another packet below which a flow does not wait")
	case len(h.Features) == 0:
		return errors.New("hazard: features is empty; list the model's features in order")
	}
	return m.checkSideFile("hazard", s.Hazard.File)
}

func (m *Manifest) checkNovelty(s *StageSpec) error {
	switch n := s.Novelty; {
	case n == nil:
		return nil
	case !(n.Above > 0 && n.Above <= 1):
		return errors.New("novelty: above is missing, or not above 0 and up to 1; choose the probability above which a flow is of no class")
	case (n.Class == "") == (n.File == ""):
		return errors.New("novelty: class and file are both missing, or both there; give one of them")
	case n.Class != "" && n.Features != nil:
		return errors.New("novelty: features belongs to a file; with class leave it out")
	case n.Class != "" && !slices.Contains(m.Classes, n.Class):
		return fmt.Errorf("novelty: %w", m.noClass(n.Class))
	case n.Class != "":
		return nil
	case s.Engine == slowEngine:
		return errors.New("novelty: a file is for engine \"leaves\", whose flows have an answer at once; use a class")
	case len(n.Features) == 0:
		return errors.New("novelty: features is empty; list the model's features in order")
	}
	return m.checkSideFile("novelty", s.Novelty.File)
}

// checkNoveltyClass checks that the class that stands for all that is unknown does so in every
// stage: it would be the label of a flow that another one answers.
func (m *Manifest) checkNoveltyClass() error {
	classOf := func(s *StageSpec) string {
		if s.Novelty == nil {
			return ""
		}
		return s.Novelty.Class
	}
	has := slices.IndexFunc(m.Stages, func(s StageSpec) bool { return classOf(&s) != "" })
	if has < 0 {
		return nil
	}
	class, with := classOf(&m.Stages[has]), m.Stages[has].Name
	for i := range m.Stages {
		if s := &m.Stages[i]; classOf(s) != class {
			return manifestError("stage %s: novelty does not have the class %q of stage %s, so that could be a label; give each stage that class", s.Name, class, with)
		}
	}
	return nil
}

func (m *Manifest) checkSideFile(kind, name string) error {
	if _, ok := m.Files[name]; !ok {
		return fmt.Errorf("%s: file is %q, which files does not list; name a file of the bundle and list it with its SHA-256", kind, name)
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

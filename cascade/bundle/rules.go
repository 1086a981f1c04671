package bundle

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/serveflow/serveflow/cascade/nprint"
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

func (m *Manifest) checkSideFile(kind, name string) error {
	if _, ok := m.Files[name]; !ok {
		return fmt.Errorf("%s: file is %q, which files does not list; name a file of the bundle and list it with its SHA-256", kind, name)
	}
	return nil
}

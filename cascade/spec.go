package cascade

import (
	"slices"

	"github.com/serveflow/serveflow/cascade/drift"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
)

// Model is one stage's engine.
type Model interface {
	// Predict takes n rows of the stage's features, one after the other, and writes a
	// number for each class of each row to out. It is safe for concurrent use.
	Predict(rows []float32, n int, out []float64) error
}

// Stage is one model of a cascade with its depth and deferral rule.
type Stage struct {
	Name        string
	Depth       int // packets that it looks at
	MaxDepth    int // it is asked again at each packet up to this number; 0: at Depth alone
	Features    *nprint.Extractor
	Width       int // features in a row
	Model       Model
	Output      Output
	Temperature float64
	Measure     Measure
	Threshold   float64 // a flow with a larger uncertainty is deferred; the last stage never defers
	Slow        bool    // has a queue, batches and workers; stages behind it look at no more packets

	Thresholds     []float64  // by the class that is ahead, instead of Threshold; nil: none
	GapUncertainty float64    // added to the uncertainty where a packet that it looks at is missing
	Patience       []Patience // how long its answer stands before the next packet is given up
	Hazard         *Hazard    // nil: none
	Novelty        *Novelty   // nil: none
}

// Spec is a bundle's description of a cascade. It does not change.
type Spec struct {
	Task    string
	Bundle  string // name and version
	Digest  string // hex
	Conns   bool   // its flows are records of conn.log, not packets
	Classes []string
	Stages  []Stage

	// Families are groups of classes, and FamilyOf has the place in it of each class; -1 for
	// one that is of no family.
	Families []Family
	FamilyOf []int

	// Protocols are the IP protocol numbers of the flows that the models can answer for, 0 for
	// those without a name. Other flows are Unsupported. nil: all can be.
	Protocols []uint8

	// Drift is what the flows of the calibration set looked like. nil: that is not known.
	Drift *drift.Reference
}

// supports reports whether the models can answer for flows of a protocol.
func (s *Spec) supports(proto uint8) bool {
	return s.Protocols == nil || slices.Contains(s.Protocols, proto)
}

// Novelties reports whether some stage says which flows are of no class.
func (s *Spec) Novelties() bool {
	for i := range s.Stages {
		if s.Stages[i].Novelty != nil {
			return true
		}
	}
	return false
}

// slowStages is how many of the stages are slow.
func (s *Spec) slowStages() (n int) {
	for i := range s.Stages {
		if s.Stages[i].Slow {
			n++
		}
	}
	return n
}

// Depth is how many packets of a flow the cascade looks at, at most.
func (s *Spec) Depth() int {
	depth := 0
	for i := range s.Stages {
		depth = max(depth, s.Stages[i].deepest())
	}
	return depth
}

// Only gives the same cascade with the named stages only.
func (s *Spec) Only(names ...string) *Spec {
	part := *s
	part.Stages, part.Drift = nil, nil // of all stages together
	for _, stage := range s.Stages {
		if slices.Contains(names, stage.Name) {
			part.Stages = append(part.Stages, stage)
		}
	}
	return &part
}

// deepest is how many packets the stage looks at, at most.
func (s *Stage) deepest() int { return max(s.Depth, s.MaxDepth) }

// extract writes the stage's features of a flow's first packets to row, which grows if
// necessary.
func (s *Stage) extract(row []float32, f *flow.Flow, packets int) []float32 {
	row = resize(row, s.Width)
	s.Features.Extract(row, f, packets)
	return row
}

// predict writes the calibrated probabilities for one row to out.
func (s *Stage) predict(row []float32, out []float64) error {
	if err := s.Model.Predict(row, 1, out); err != nil {
		return err
	}
	return s.Output.calibrate(out, s.Temperature)
}

// resize gives s with the length n, or a new slice if s has no room. The content is undefined.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

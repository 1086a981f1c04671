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
	Features    *nprint.Extractor
	Width       int // features in a row
	Model       Model
	Output      Output
	Temperature float64
	Measure     Measure
	Threshold   float64 // a flow with a larger uncertainty is deferred; the last stage never defers
	Slow        bool    // has a queue, batches and workers; for the last stage only
}

// Spec is a bundle's description of a cascade. It does not change.
type Spec struct {
	Task    string
	Bundle  string // name and version
	Digest  string // hex
	Conns   bool   // its flows are records of conn.log, not packets
	Classes []string
	Stages  []Stage

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

// Depth is how many packets of a flow the cascade looks at, at most.
func (s *Spec) Depth() int { return s.Stages[len(s.Stages)-1].Depth }

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

// extract writes the stage's features of a flow to row, which grows if necessary.
func (s *Stage) extract(row []float32, f *flow.Flow) []float32 {
	row = resize(row, s.Width)
	s.Features.Extract(row, f, s.Depth)
	return row
}

// calibrate turns one row of the model's output, in place, into calibrated probabilities. It
// fails if the numbers are no valid output.
func (s *Stage) calibrate(row []float64) error {
	if err := s.Output.check(row); err != nil {
		return err
	}
	Calibrate(row, s.Output, s.Temperature)
	return nil
}

// resize gives s with the length n, or a new slice if s has no room. The content is undefined.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

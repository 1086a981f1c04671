package cascade

import (
	"slices"

	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
)

// Model is one stage's engine.
type Model interface {
	// Predict takes n rows of the stage's features, one behind the other, and
	// writes one number a class for each row into out. It is safe for concurrent
	// use.
	Predict(rows []float32, n int, out []float64) error
}

// Stage is one model of a cascade with its depth and deferral rule.
type Stage struct {
	Name        string
	Depth       int // packets it looks at
	Features    *nprint.Extractor
	Width       int // features a row
	Model       Model
	Output      Output
	Temperature float64
	Measure     Measure
	Threshold   float64 // defers above it; the last stage never does
	Slow        bool    // its inference is worth a queue and batches
}

// Spec is what a bundle says of a cascade. It does not change once built.
type Spec struct {
	Task    string
	Bundle  string // name and version
	Digest  string // hex
	Conns   bool   // its flows are records of conn.log
	Classes []string
	Stages  []Stage
}

// Depth is how many packets a flow the cascade looks at, at most.
func (s *Spec) Depth() int { return s.Stages[len(s.Stages)-1].Depth }

// Only is the same cascade with the named stages alone.
func (s *Spec) Only(names ...string) *Spec {
	part := *s
	part.Stages = nil
	for _, stage := range s.Stages {
		if slices.Contains(names, stage.Name) {
			part.Stages = append(part.Stages, stage)
		}
	}
	return &part
}

// extract writes the stage's features of a flow into row, which grows if it must.
func (s *Stage) extract(row []float32, f *flow.Flow) []float32 {
	row = resize(row, s.Width)
	s.Features.Extract(row, f, s.Depth)
	return row
}

// calibrate turns one row of the model's output, in place, into calibrated
// probabilities; an error if the numbers are not what a model answers.
func (s *Stage) calibrate(row []float64) error {
	if err := s.Output.check(row); err != nil {
		return err
	}
	Calibrate(row, s.Output, s.Temperature)
	return nil
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

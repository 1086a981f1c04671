package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// policy is what is done where more flows are unsure than the slow stage can answer.
type policy struct {
	name      string
	random    bool          // sheds by lot, knowing the load
	objective time.Duration // of the controller
}

func policies() []policy {
	return []policy{
		{name: "steered (SERVEFLOW_ADAPT=on)", objective: objective},
		{name: "fixed threshold, full queue", objective: never},
		{name: "random shedding, told the load", objective: never, random: true},
	}
}

const (
	objective = 250 * time.Millisecond
	// never is an objective that a full queue does not reach.
	never = time.Minute
	// full is what a full queue takes to work off: as the default one does with the shipped bundle.
	full = 500 * time.Millisecond
	// batch is how many flows the slow stage takes at once.
	batch = 8
)

// slowed is a model that takes a time for each row on the clock of the bench.
type slowed struct {
	model cascade.Model
	each  time.Duration
}

func (m slowed) Predict(rows []float32, n int, out []float64) error {
	time.Sleep(time.Duration(n) * m.each)
	return m.model.Predict(rows, n, out)
}

// shedding makes a stage sure of a share of the answers that it is not sure of.
type shedding struct {
	stage  cascade.Stage
	random *rand.Rand
	load   *float64 // times what the slow stage can take
}

func (m *shedding) Predict(rows []float32, n int, out []float64) error {
	if err := m.stage.Model.Predict(rows, n, out); err != nil || n != 1 {
		return err
	}
	p := slices.Clone(out)
	cascade.Calibrate(p, m.stage.Output, m.stage.Temperature)
	if a := answer.Rank(p); m.stage.Measure.Of(&a) > m.stage.Threshold && m.random.Float64() > 1 / *m.load {
		out[slices.Index(out, slices.Max(out))] += 1000
	}
	return nil
}

// service loads bundles/service.
func service(t *testing.T) *cascade.Spec {
	b, err := bundle.Load("../../bundles/service", bundle.Standard(onnxtest.Library(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	spec := &cascade.Spec{Task: b.Manifest.Task, Bundle: b.Name(), Digest: b.Digest, Classes: b.Manifest.Classes, Protocols: b.Manifest.ProtocolNumbers()}
	for i := range b.Stages {
		s := &b.Stages[i]
		spec.Stages = append(spec.Stages, cascade.Stage{
			Name: s.Spec.Name, Depth: s.Spec.Depth, Features: s.Extractor, Width: len(s.Spec.Features), Model: s.Model,
			Output: cascade.Output(s.Spec.Output), Temperature: s.Spec.Temperature,
			Measure: cascade.Measure(s.Spec.Uncertainty), Threshold: s.Spec.Threshold, Slow: s.Slow})
	}
	return spec
}

// under gives the bundle with a slow stage that takes each for a flow, and the policy's models.
func (p policy) under(of *cascade.Spec, each time.Duration, load *float64) *cascade.Spec {
	spec := *of
	spec.Stages = slices.Clone(of.Stages)
	last := len(spec.Stages) - 1
	spec.Stages[last].Model = slowed{of.Stages[last].Model, each}
	if p.random {
		spec.Stages[last-1].Model = &shedding{stage: of.Stages[last-1], random: rand.New(rand.NewPCG(1, 2)), load: load}
	}
	return &spec
}

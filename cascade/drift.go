package cascade

import (
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/drift"
)

// driftWindow is how far back drift is looked for: long enough for the flows that the index
// needs at a small site, short enough to see a change within the hour.
const driftWindow = time.Hour

// driftEvery is of how many flows one has its features counted. Ten features cost several
// times what the rest does; an eighth of the flows tells as much, but at sites of less than
// one flow a second.
const driftEvery = 8

// newDrift builds the monitor of a bundle; nil if the bundle has no reference, or
// its flows are a share of those of another bundle. A replay
// counts all flows, as its files may be short.
func newDrift(spec *Spec, cfg Config) *drift.Monitor {
	if cfg.Shadow {
		return nil
	}
	counting := drift.Config{Every: driftEvery, Window: driftWindow}
	if cfg.Deterministic {
		counting.Every = 1
	}
	return drift.New(spec.Drift, counting)
}

// Drift compares the flows of the last hour with those of the calibration set. It is empty
// if the bundle of new flows has no reference.
func (s *Slot) Drift() []drift.Value { return s.current.Load().emitter.drift.Values(time.Now()) }

// answered tells the monitor of an answer of the stage with this number, to this row. A stage
// that is asked again about a flow tells of its first answer.
func (e *emitter) answered(spec *Spec, stage int, uid string, row []float32, a *answer.Answer) {
	if e.drift == nil {
		return
	}
	s := &spec.Stages[stage]
	uncertainty := s.Measure.Of(a)
	e.drift.Predicted(stage, uid, row, uncertainty, uncertainty > s.threshold(a))
}

// decided tells the monitor of a final label.
func (e *emitter) decided(v *Verdict, a *answer.Answer) {
	if e.drift == nil || !v.Final || v.NoClass {
		return
	}
	e.drift.Decided(a.First())
}

// Task is the question that the task's cascades answer.
func (s *Slot) Task() string { return s.current.Load().spec.Task }

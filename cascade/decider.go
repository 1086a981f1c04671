package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/flow"
)

// Decider takes the flows of one partition through the stages. It is for one
// goroutine.
type Decider struct {
	*Cascade
	row    []float32
	scores []float64
}

// Decide takes a flow that is Ready as far as its packets go. It reports true
// when the flow's final label is given or on its way, and false when the flow
// waits for more packets: its cursor then says how many.
//
// It may block: in emit, and where a full queue of the slow stage holds the input
// back. When ctx is done it returns true without the label, and the flow's Acker is
// not told: the flow keeps its place in the log, and whoever reads the partition next
// labels it.
func (d *Decider) Decide(ctx context.Context, f *flow.Flow) bool {
	last := len(d.spec.Stages) - 1
	for ; f.Cursor.Stage < last; f.Cursor.Stage++ {
		s := &d.spec.Stages[f.Cursor.Stage]
		if waits(f, s) {
			return false
		}
		if d.run(f, s) && s.Measure.Of(f.Cursor.Answer) <= s.Threshold {
			d.finish(ctx, d.verdict(f, s, Confident), f.Cursor.Answer, s)
			return true
		}
		d.metrics.deferred(s.Name)
		if d.cfg.Provisional && f.Cursor.Stage == 0 && f.Cursor.By == 0 && f.Cause() == flow.Reached {
			d.provisional(ctx, f, s)
		}
	}
	return d.lastStage(ctx, f, &d.spec.Stages[last])
}

func (d *Decider) lastStage(ctx context.Context, f *flow.Flow, s *Stage) bool {
	switch {
	case waits(f, s):
		return false
	case d.queue != nil:
		d.hand(ctx, d.job(f, s))
	case d.run(f, s):
		d.finish(ctx, d.verdict(f, s, LastStage), f.Cursor.Answer, s)
	default:
		d.degrade(ctx, d.job(f, s), Degraded)
	}
	return true
}

// waits reports whether the flow needs more packets for the stage, and asks for them.
func waits(f *flow.Flow, s *Stage) bool {
	if f.Cause() != flow.Reached || f.Reach() >= s.Depth {
		return false
	}
	f.Cursor.Want = s.Depth
	return true
}

// run puts the stage's calibrated probabilities into the flow's cursor. A model
// that fails leaves there what an earlier stage said.
func (d *Decider) run(f *flow.Flow, s *Stage) bool {
	began := time.Now()
	d.row = s.extract(d.row, f)
	err := s.Model.Predict(d.row, 1, d.scores)
	if err == nil {
		err = s.calibrate(d.scores)
	}
	if err != nil {
		d.metrics.failed(s.Name, 1, err)
		return false
	}
	f.Cursor.Answer, f.Cursor.By = append(f.Cursor.Answer[:0], d.scores...), f.Cursor.Stage
	spent := time.Since(began)
	f.Cursor.Spent += spent
	d.metrics.computed(s.Name, spent)
	return true
}

// verdict begins the final one that the stage gives. Where the flow was closed
// before the stage's depth, what closed it says more than why the stage answered.
func (d *Decider) verdict(f *flow.Flow, s *Stage, why Reason) Verdict {
	v := newVerdict(d.spec, f, s)
	v.Final, v.Seq, v.Acker, v.Reason = true, len(d.spec.Stages), f.Acker, why
	if f.Reach() < s.Depth {
		v.Reason = shortfalls[f.Cause()]
	}
	return v
}

// shortfalls are the reasons of a flow that never reached the stage's depth.
var shortfalls = map[flow.Cause]Reason{flow.Ended: FlowEnd, flow.TimedOut: Timeout, flow.Evicted: Evicted}

func (d *Decider) provisional(ctx context.Context, f *flow.Flow, s *Stage) {
	v := newVerdict(d.spec, f, s)
	v.Reason = Provisional
	d.finish(ctx, v, f.Cursor.Answer, s)
}

// job packs up what the slow stage needs of a flow that is about to be forgotten.
func (d *Decider) job(f *flow.Flow, s *Stage) *job {
	j := d.jobs.Get().(*job)
	began := time.Now()
	j.row = s.extract(j.row, f)
	f.Cursor.Spent += time.Since(began)
	j.verdict = d.verdict(f, s, LastStage)
	j.answer, j.by = append(j.answer[:0], f.Cursor.Answer...), nil
	if len(f.Cursor.Answer) > 0 {
		j.by = &d.spec.Stages[f.Cursor.By]
	}
	return j
}

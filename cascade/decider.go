package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/flow"
)

// decider takes the flows of one partition through the stages of one task.
type decider struct {
	slot     *Slot
	begun    []begun
	cascade  *Cascade // that the flow in hand began with
	labelled Labelled // flows that get no second label; nil: there are none
	row      []float32
	scores   []float64
}

// decide takes a flow as far as its packets go, and its cursor with it. It reports true
// when the task's final label is given or on its way, and false when the flow waits for
// more packets: the cursor then says how many.
func (d *decider) decide(ctx context.Context, f *flow.Flow, at *flow.Cursor) bool {
	c := d.cascade
	if !c.spec.supports(f.Proto) {
		c.emitter.unsupported(ctx, d.final(f, at, &c.spec.Stages[0], Unsupported))
		return true
	}
	last := uint8(len(c.spec.Stages) - 1)
	for ; at.Stage < last; at.Stage++ {
		s := &c.spec.Stages[at.Stage]
		if waitsForPackets(f, at, s) {
			return false
		}
		if d.predict(f, at, s) && s.Measure.Of(at.Answer) <= s.Threshold {
			c.emitter.verdict(ctx, d.final(f, at, s, Confident), at.Answer, s)
			return true
		}
		c.metrics.deferred(s.Name)
		if c.provisional && at.Stage == 0 && d.answeredBy(at) != nil && f.Cause() == flow.Reached {
			d.provisional(ctx, f, at, s)
		}
	}
	return d.lastStage(ctx, f, at, &c.spec.Stages[last])
}

func (d *decider) lastStage(ctx context.Context, f *flow.Flow, at *flow.Cursor, s *Stage) bool {
	c := d.cascade
	switch {
	case waitsForPackets(f, at, s):
		return false
	case c.slow != nil:
		c.slow.enqueue(ctx, d.job(f, at, s))
	case d.predict(f, at, s):
		c.emitter.verdict(ctx, d.final(f, at, s, LastStage), at.Answer, s)
	default:
		c.emitter.fallback(ctx, d.final(f, at, s, Degraded), at.Answer, d.answeredBy(at), Degraded)
	}
	return true
}

// waitsForPackets reports whether the flow needs more packets for the stage, and asks
// for them.
func waitsForPackets(f *flow.Flow, at *flow.Cursor, s *Stage) bool {
	if f.Cause() != flow.Reached || f.Reach() >= s.Depth {
		return false
	}
	at.Want = int32(s.Depth)
	return true
}

// predict puts the stage's calibrated probabilities into the flow's cursor. If the
// model fails, the cursor keeps what an earlier stage said.
func (d *decider) predict(f *flow.Flow, at *flow.Cursor, s *Stage) bool {
	began := time.Now()
	d.row = s.extract(d.row, f)
	err := s.Model.Predict(d.row, 1, d.scores)
	if err == nil {
		err = s.calibrate(d.scores)
	}
	if err != nil {
		d.cascade.metrics.failed(s.Name, 1, err)
		return false
	}
	at.Answer, at.By = append(at.Answer[:0], d.scores...), at.Stage
	spent := time.Since(began)
	at.Spent += spent
	d.cascade.metrics.computed(s.Name, spent)
	return true
}

// answeredBy is the last stage that answered the flow; nil if none did.
func (d *decider) answeredBy(at *flow.Cursor) *Stage {
	if len(at.Answer) == 0 {
		return nil
	}
	return &d.cascade.spec.Stages[at.By]
}

// final begins the final verdict of the stage. If the flow was closed before the
// stage's depth, the cause of that replaces why.
func (d *decider) final(f *flow.Flow, at *flow.Cursor, s *Stage, why Reason) Verdict {
	v := newVerdict(d.cascade.spec, f, at, s)
	v.Final, v.Seq, v.Acker, v.Reason = true, len(d.cascade.spec.Stages), f.Acker, why
	if f.Reach() < s.Depth {
		v.Reason = closedBy(f.Cause(), why)
	}
	return v
}

func (d *decider) provisional(ctx context.Context, f *flow.Flow, at *flow.Cursor, s *Stage) {
	v := newVerdict(d.cascade.spec, f, at, s)
	v.Reason = Provisional
	d.cascade.emitter.verdict(ctx, v, at.Answer, s)
}

// job copies what the slow stage needs of a flow, because the flow may be forgotten once
// decide has returned true.
func (d *decider) job(f *flow.Flow, at *flow.Cursor, s *Stage) *job {
	j := d.cascade.slow.newJob()
	began := time.Now()
	j.row = s.extract(j.row, f)
	at.Spent += time.Since(began)
	j.verdict = d.final(f, at, s, LastStage)
	j.answer, j.by = append(j.answer[:0], at.Answer...), d.answeredBy(at)
	return j
}

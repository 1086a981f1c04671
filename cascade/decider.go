package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/flow"
)

// Decider takes the flows of one partition through the stages. It is for one
// goroutine.
type Decider struct {
	cascade *Cascade
	row     []float32
	scores  []float64
}

// Decide takes a flow that is Ready as far as its packets go. It reports true
// when the flow's final label is given or on its way, and false when the flow
// waits for more packets: its cursor then says how many.
//
// It blocks while emit blocks, and while a full queue of the slow stage holds the input
// back. When ctx is done it returns true without the label, and the flow's Acker is
// not told: the flow keeps its place in the log, and whoever reads the partition next
// labels it.
func (d *Decider) Decide(ctx context.Context, f *flow.Flow) bool {
	c := d.cascade
	if !c.spec.supports(f.Proto) {
		c.emitter.unsupported(ctx, d.final(f, &c.spec.Stages[0], Unsupported))
		return true
	}
	last := len(c.spec.Stages) - 1
	for ; f.Cursor.Stage < last; f.Cursor.Stage++ {
		s := &c.spec.Stages[f.Cursor.Stage]
		if waitsForPackets(f, s) {
			return false
		}
		if d.predict(f, s) && s.Measure.Of(f.Cursor.Answer) <= s.Threshold {
			c.emitter.verdict(ctx, d.final(f, s, Confident), f.Cursor.Answer, s)
			return true
		}
		c.metrics.deferred(s.Name)
		if c.provisional && f.Cursor.Stage == 0 && d.answeredBy(f) != nil && f.Cause() == flow.Reached {
			d.provisional(ctx, f, s)
		}
	}
	return d.lastStage(ctx, f, &c.spec.Stages[last])
}

func (d *Decider) lastStage(ctx context.Context, f *flow.Flow, s *Stage) bool {
	c := d.cascade
	switch {
	case waitsForPackets(f, s):
		return false
	case c.slow != nil:
		c.slow.enqueue(ctx, d.job(f, s))
	case d.predict(f, s):
		c.emitter.verdict(ctx, d.final(f, s, LastStage), f.Cursor.Answer, s)
	default:
		c.emitter.fallback(ctx, d.final(f, s, Degraded), f.Cursor.Answer, d.answeredBy(f), Degraded)
	}
	return true
}

// waitsForPackets reports whether the flow needs more packets for the stage, and asks
// for them.
func waitsForPackets(f *flow.Flow, s *Stage) bool {
	if f.Cause() != flow.Reached || f.Reach() >= s.Depth {
		return false
	}
	f.Cursor.Want = s.Depth
	return true
}

// predict puts the stage's calibrated probabilities into the flow's cursor. If the
// model fails, the cursor keeps what an earlier stage said.
func (d *Decider) predict(f *flow.Flow, s *Stage) bool {
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
	f.Cursor.Answer, f.Cursor.By = append(f.Cursor.Answer[:0], d.scores...), f.Cursor.Stage
	spent := time.Since(began)
	f.Cursor.Spent += spent
	d.cascade.metrics.computed(s.Name, spent)
	return true
}

// answeredBy is the last stage that answered the flow; nil if none did.
func (d *Decider) answeredBy(f *flow.Flow) *Stage {
	if len(f.Cursor.Answer) == 0 {
		return nil
	}
	return &d.cascade.spec.Stages[f.Cursor.By]
}

// final begins the final verdict of the stage. If the flow was closed before the
// stage's depth, the cause of that replaces why.
func (d *Decider) final(f *flow.Flow, s *Stage, why Reason) Verdict {
	v := newVerdict(d.cascade.spec, f, s)
	v.Final, v.Seq, v.Acker, v.Reason = true, len(d.cascade.spec.Stages), f.Acker, why
	if f.Reach() < s.Depth {
		v.Reason = closedBy(f.Cause(), why)
	}
	return v
}

func (d *Decider) provisional(ctx context.Context, f *flow.Flow, s *Stage) {
	v := newVerdict(d.cascade.spec, f, s)
	v.Reason = Provisional
	d.cascade.emitter.verdict(ctx, v, f.Cursor.Answer, s)
}

// job copies what the slow stage needs of a flow, because the flow is forgotten once
// Decide has returned true.
func (d *Decider) job(f *flow.Flow, s *Stage) *job {
	j := d.cascade.slow.newJob()
	began := time.Now()
	j.row = s.extract(j.row, f)
	f.Cursor.Spent += time.Since(began)
	j.verdict = d.final(f, s, LastStage)
	j.answer, j.by = append(j.answer[:0], f.Cursor.Answer...), d.answeredBy(f)
	return j
}

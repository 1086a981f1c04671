package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
)

// decider takes the flows of one partition through the stages of one task.
type decider struct {
	slot     *Slot
	begun    []begun
	cascade  *Cascade // that the flow in hand began with
	adopted  *Cascade // that new flows begin with; nil: whichever the slot holds
	labelled Labelled // flows that get no second label; nil: there are none
	row      []float32
	answer   answer.Answer // that stands, of the flow in hand
	scores   []float64     // of the stage that was asked last
	kept     []float64     // what the cursor keeps of an answer
	side     [2]float64    // of a side model
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
	d.recall(at)
	for {
		s := &c.spec.Stages[at.Stage]
		switch look(f, at, s, d.answeredBy(at), &d.answer, c.depth) {
		case waits:
			return false
		case passes:
			if d.last(at) {
				c.emitter.verdict(ctx, d.final(f, at, s, s.Novelty.orElse(LastStage, &d.answer)), &d.answer, s)
				return true
			}
			if d.keptBack(ctx, f, at, s) {
				return true
			}
			d.toNext(at, s)
			continue
		}
		if s.Slow {
			c.slow[at.Stage].enqueue(ctx, d.job(f, at, s))
			return true
		}
		first := !asked(at)
		if d.predict(f, at, s) {
			if reason := d.rule(f, at, s); reason != "" {
				c.emitter.verdict(ctx, d.final(f, at, s, reason), &d.answer, s)
				return true
			}
		} else if d.last(at) {
			c.emitter.fallback(ctx, d.final(f, at, s, Degraded), d.answer.P, d.answeredBy(at), Degraded)
			return true
		}
		d.recall(at)
		again := d.asksAgain(at, s)
		if !again && d.keptBack(ctx, f, at, s) {
			return true
		}
		if c.provisional && at.Stage == 0 && first && asked(at) && f.Cause() == flow.Reached { // one, as all would have the same id
			d.provisional(ctx, f, at, s)
		}
		if !again {
			d.toNext(at, s)
		}
	}
}

// toNext defers the flow to the next stage.
func (d *decider) toNext(at *flow.Cursor, s *Stage) {
	d.cascade.metrics.deferred(s.Name)
	at.Stage++
}

// last reports whether no stage comes after the one that looks now.
func (d *decider) last(at *flow.Cursor) bool { return int(at.Stage) == len(d.cascade.spec.Stages)-1 }

// next is how many packets the stage after the one that looks now wants; -1 if there is none.
func (d *decider) next(at *flow.Cursor) int {
	if d.last(at) {
		return -1
	}
	return d.cascade.spec.Stages[at.Stage+1].Depth
}

// recall makes the answer that the cursor keeps the one that stands. It is done after each answer that is not yet the
// label, too, so that a label does not depend on whether the flow waited.
func (d *decider) recall(at *flow.Cursor) {
	if d.answer = (answer.Answer{}); len(at.Answer) == 0 {
		return
	}
	d.kept = d.kept[:0]
	for _, p := range at.Answer {
		d.kept = append(d.kept, float64(p))
	}
	d.answer = answer.Rank(d.kept)
}

// predict puts the stage's calibrated probabilities into the flow's cursor, where they are rounded; the answer that
// stands has them whole. If the model fails, both keep what an earlier stage said.
func (d *decider) predict(f *flow.Flow, at *flow.Cursor, s *Stage) bool {
	began := time.Now()
	d.row = s.extract(d.row, f, packets(at, s))
	if err := s.predict(d.row, d.scores); err != nil {
		d.cascade.metrics.failed(s.Name, 1, err)
		return false
	}
	again := asked(at)
	at.Answer, at.By = at.Answer[:0], at.Stage
	for _, p := range d.scores {
		at.Answer = append(at.Answer, float32(p))
	}
	d.answer = answer.Rank(d.scores)
	if !again {
		d.cascade.emitter.answered(d.cascade.spec, int(at.Stage), f.UID, d.row, &d.answer)
	}
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

// final begins the final verdict of the stage. If there are fewer packets than it wants, the
// cause of that replaces why.
func (d *decider) final(f *flow.Flow, at *flow.Cursor, s *Stage, why Reason) Verdict {
	v := newVerdict(d.cascade.spec, f, at, packets(at, s))
	v.Final, v.Seq = true, len(d.cascade.spec.Stages)
	v.setReason(why, at.Cause)
	if !d.cascade.shadow {
		v.Acker = f.Acker
	}
	return v
}

func (d *decider) provisional(ctx context.Context, f *flow.Flow, at *flow.Cursor, s *Stage) {
	v := newVerdict(d.cascade.spec, f, at, packets(at, s))
	v.Reason = Provisional
	d.cascade.emitter.verdict(ctx, v, &d.answer, s)
}

// job copies what the slow stage, and those behind it, need of a flow, because the flow may be
// forgotten once decide has returned true.
func (d *decider) job(f *flow.Flow, at *flow.Cursor, s *Stage) *job {
	j := d.cascade.newJob()
	began := time.Now()
	j.row = s.extract(j.row, f, packets(at, s))
	for i := int(at.Stage) + 1; i < len(d.cascade.spec.Stages); i++ {
		behind := &d.cascade.spec.Stages[i]
		j.behind = append(j.behind, behind.extract(nil, f, packets(at, behind)))
	}
	at.Spent += time.Since(began)
	j.verdict, j.cause = d.final(f, at, s, LastStage), at.Cause
	j.answer, j.by = append(j.answer[:0], d.answer.P...), d.answeredBy(at)
	return j
}

package cascade

import (
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
)

// settled is the reason for which an answer of a stage is final, whatever packets may come;
// empty if it is not. The last stage's is, unless it is asked again.
func (s *Spec) settled(stage int, a *answer.Answer, gap, again bool) Reason {
	of := &s.Stages[stage]
	switch family, sum := s.family(a); {
	case of.Novelty.above(a):
		return Novel
	case stage == len(s.Stages)-1 && !again:
		return of.Novelty.orElse(LastStage, a)
	case of.uncertainty(a, gap) <= of.threshold(a):
		return of.Novelty.orElse(Confident, a)
	case family != nil && 1-sum <= family.Threshold:
		return OfFamily
	}
	return ""
}

// above reports whether the class that stands for all that is unknown is probable enough, be it
// ahead or not, and the stage sure or not.
func (n *Novelty) above(a *answer.Answer) bool {
	class := n.class()
	return class >= 0 && a.P[class] > n.Above
}

// ahead reports whether that class is ahead. The answer is then "unknown", and final where
// another one would be.
func (n *Novelty) ahead(a *answer.Answer) bool {
	class := n.class()
	return class >= 0 && a.First() == class
}

// orElse is the reason of a final answer: Novel, or why if a class of the bundle is ahead.
func (n *Novelty) orElse(why Reason, a *answer.Answer) Reason {
	if n.ahead(a) {
		return Novel
	}
	return why
}

// rule says why the answer that the stage has just given is final; empty if it is not.
func (d *decider) rule(f *flow.Flow, at *flow.Cursor, s *Stage) Reason {
	n := packets(at, s)
	if d.isNovel(f, at, s, n) {
		return Novel
	}
	again := d.asksAgain(at, s)
	reason := d.cascade.spec.settled(int(at.Stage), &d.answer, s.GapUncertainty > 0 && f.Missing(n), again)
	if reason == "" && d.waitsBehind(at, n, again) && !f.TornDown(n) && d.endsHere(f, at, s, n) {
		return s.Novelty.orElse(NoMore, &d.answer)
	}
	return reason
}

// asksAgain reports whether the stage that has just answered is asked again at the next
// packet, because it looks at more and the stage behind it cannot be asked yet.
func (d *decider) asksAgain(at *flow.Cursor, s *Stage) bool {
	n := packets(at, s)
	return asked(at) && at.Cause == flow.Reached && n < s.MaxDepth && (d.last(at) || d.next(at) > n)
}

// waitsBehind reports whether the task would wait for a packet after the first n.
func (d *decider) waitsBehind(at *flow.Cursor, n int, again bool) bool {
	return at.Cause == flow.Reached && (again || d.next(at) > n)
}

// endsHere asks the stage's hazard whether another packet will come. It is asked whether or not
// the packet lies there already, so that the label does not depend on that.
func (d *decider) endsHere(f *flow.Flow, at *flow.Cursor, s *Stage, n int) bool {
	if s.Hazard == nil {
		return false
	}
	p, ok := d.probability(f, at, s.Hazard.Model, n)
	return ok && p < s.Hazard.Below
}

// isNovel asks the stage's model of novelty, if it has one. What that says stays with the flow,
// whichever answer becomes its label.
func (d *decider) isNovel(f *flow.Flow, at *flow.Cursor, s *Stage, n int) bool {
	if s.Novelty == nil || s.Novelty.Model == nil {
		return false
	}
	p, ok := d.probability(f, at, s.Novelty.Model, n)
	if ok {
		at.Novelty = float32(p)
	}
	return ok && p > s.Novelty.Above
}

// probability asks a side model about the flow's first n packets and the answer that stands: it
// is that of its second class. If the model fails, that is counted, and ok is false.
func (d *decider) probability(f *flow.Flow, at *flow.Cursor, m *Side, n int) (p float64, ok bool) {
	began := time.Now()
	d.row = m.row(d.row, f, n, &d.answer)
	if err := m.predict(d.row, d.side[:]); err != nil {
		d.cascade.metrics.failed(m.Name, 1, err)
		return 0, false
	}
	spent := time.Since(began)
	at.Spent += spent
	d.cascade.metrics.computed(m.Name, spent)
	return d.side[1], true
}

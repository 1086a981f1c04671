package cascade

import (
	"context"
	"time"
)

// askBehind asks a stage behind a slow one. It looks at the same packets, so its row is there
// already. A fast stage is asked in the goroutine of the slow one's worker.
func (c *Cascade) askBehind(ctx context.Context, j *job, place int) {
	j.row, j.behind = j.behind[0], j.behind[1:]
	if slow := c.slow[place]; slow != nil {
		if slow.steering != nil && j.by == slow.steering.stage {
			slow.steering.observe(j.answer, &j.verdict)
		}
		slow.enqueue(ctx, j)
		return
	}
	s, last := &c.spec.Stages[place], place == len(c.spec.Stages)-1
	scores := make([]float64, len(c.spec.Classes))
	began := time.Now()
	err := s.Model.Predict(j.row, 1, scores)
	if err == nil {
		err = s.calibrate(scores)
	}
	switch {
	case err != nil:
		c.metrics.failed(s.Name, 1, err)
		if last {
			c.emitter.fallback(ctx, j.verdict, j.answer, j.by, Degraded)
			return
		}
	default:
		spent := time.Since(began)
		j.verdict.Computed += spent
		c.metrics.computed(s.Name, spent)
		c.emitter.answered(c.spec, place, j.verdict.UID, j.row, scores)
		reason := c.spec.settled(place, scores, j.verdict.Gap)
		if last && reason != Novel {
			reason = LastStage
		}
		if reason != "" {
			j.verdict.Reason = closedBy(j.cause, reason)
			c.emitter.verdict(ctx, j.verdict, scores, s)
			return
		}
		j.answer, j.by = scores, s
	}
	c.metrics.deferred(s.Name)
	c.askBehind(ctx, j, place+1)
}

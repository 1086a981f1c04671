package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
)

// askBehind asks a stage behind a slow one. It looks at the same packets, so its row is there
// already. A fast stage is asked in the goroutine of the slow one's worker.
func (c *Cascade) askBehind(ctx context.Context, j *job, place int) {
	j.row, j.behind = j.behind[0], j.behind[1:]
	if slow := c.slow[place]; slow != nil {
		if slow.steering != nil && j.by == slow.steering.stage {
			a := answer.Rank(j.answer)
			slow.steering.observe(&a, j.verdict.Gap)
		}
		slow.enqueue(ctx, j)
		return
	}
	s := &c.spec.Stages[place]
	scores := make([]float64, len(c.spec.Classes))
	began := time.Now()
	switch err := s.predict(j.row, scores); {
	case err != nil:
		c.metrics.failed(s.Name, 1, err)
		if place == len(c.spec.Stages)-1 {
			c.emitter.fallback(ctx, j.verdict, j.answer, j.by, Degraded)
			c.jobs.Put(j)
			return
		}
	default:
		spent := time.Since(began)
		j.verdict.Computed += spent
		c.metrics.computed(s.Name, spent)
		a := answer.Rank(scores)
		c.emitter.answered(c.spec, place, j.verdict.UID, j.row, &a)
		if reason := c.spec.settled(place, &a, j.verdict.Gap, false); reason != "" {
			j.verdict.setReason(reason, j.cause)
			c.emitter.verdict(ctx, j.verdict, &a, s)
			c.jobs.Put(j)
			return
		}
		j.answer, j.by = scores, s
	}
	c.metrics.deferred(s.Name)
	c.askBehind(ctx, j, place+1)
}

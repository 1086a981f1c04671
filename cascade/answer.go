package cascade

import (
	"context"
	"math"
	"time"
)

const errNoAnswer = notANumber("the model's numbers for this flow are not finite, or no probabilities")

// answer calls the model for the jobs and emits their verdicts. It gives an error, with
// nothing emitted, if the model fails or the call is abandoned. errStopped may also come
// when some are emitted; the others are then dropped without telling their Ackers.
func (w *worker) answer(ctx context.Context, jobs []*job, limit time.Duration) error {
	w.rows = w.rows[:0]
	for _, j := range jobs {
		w.rows = append(w.rows, j.row)
	}
	c, err := w.call(ctx, limit, w.rows...)
	defer w.putCall(c)
	if err != nil {
		return err
	}
	s := w.slow
	share := s.tookBatch(len(jobs), w.took)
	for i, j := range jobs {
		p := c.out[i*s.classes : (i+1)*s.classes]
		switch {
		case math.IsNaN(p[0]):
			w.failed(ctx, j, errNoAnswer)
		case len(jobs) == 1 || !tied(p):
			s.breaker.succeeded()
			j.verdict.Computed += share
			s.verdict(ctx, j, p)
		case s.breaker.rejecting.Load(): // since the batch was called
			w.reject(ctx, j)
		case !w.unanswered(ctx, jobs[i:i+1], w.answer(ctx, jobs[i:i+1], w.limit())):
			return errStopped
		}
	}
	return nil
}

// tied reports whether the two best are so close that the last bits, which may
// differ between a batch and a single row, could choose between them. The single
// row then decides, so that a label never depends on what else was queued.
func tied(p []float64) bool {
	first, second := bestTwo(p)
	return first-second < 1e-5
}

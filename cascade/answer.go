package cascade

import (
	"context"
	"math"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
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
		a := answer.Rank(c.out[i*s.classes : (i+1)*s.classes])
		switch {
		case math.IsNaN(a.P[0]):
			w.failed(ctx, j, errNoAnswer)
		case len(jobs) == 1 || !s.onTheEdge(j, &a):
			s.breaker.succeeded()
			j.verdict.Computed += share
			s.verdict(ctx, j, &a)
		case s.breaker.rejecting.Load(): // since the batch was called
			w.reject(ctx, j)
		case !w.unanswered(ctx, jobs[i:i+1], w.answer(ctx, jobs[i:i+1], w.limit())):
			return errStopped
		}
	}
	return nil
}

// edge is how close to a bound the last bits of an answer may decide, which may differ between
// a batch and a single row. The single row then does, so that a label never depends on what else
// was queued.
const edge = 1e-5

// onTheEdge reports whether the last bits could choose between classes, or change what the answer
// is good for.
func (s *slowStage) onTheEdge(j *job, a *answer.Answer) bool {
	novel := s.stage.Novelty.class()
	switch family, sum := s.spec.family(a); {
	case a.Margin() < edge:
		return true
	case novel >= 0 && math.Abs(a.P[novel]-s.stage.Novelty.Above) < edge:
		return true
	case s.handOn == nil: // it is the last: sure or not, this is the label
		return false
	case math.Abs(s.stage.uncertainty(a, j.verdict.Gap)-s.stage.threshold(a)) < edge:
		return true
	default:
		return family != nil && math.Abs(1-sum-family.Threshold) < edge
	}
}

package cascade

import (
	"context"
	"errors"
	"math"
	"time"
)

// answer asks the model about the jobs and emits their verdicts; an error, with
// nothing emitted, if the model fails or is given up. errOver may come when some are
// emitted; the others are then let go of.
func (w *slow) answer(ctx context.Context, jobs []*job, limit time.Duration) error {
	rows := w.rows[:0]
	for _, j := range jobs {
		rows = append(rows, j.row)
	}
	w.rows = rows
	c, err := w.ask(ctx, limit, rows...)
	defer w.free(c)
	if err != nil {
		return err
	}
	share := w.took(len(jobs), w.spent)
	classes := len(w.spec.Classes)
	for i, j := range jobs {
		p := c.out[i*classes : (i+1)*classes]
		switch {
		case math.IsNaN(p[0]):
			w.fail(ctx, j, errNoAnswer)
		case len(jobs) == 1 || !tied(p):
			w.breaker.answered()
			j.verdict.Computed += share
			w.finish(ctx, j.verdict, p, w.stage)
			w.Cascade.jobs.Put(j)
		case w.breaker.away.Load(): // since the batch was asked
			w.pass(ctx, j)
		case !w.settle(ctx, jobs[i:i+1], w.answer(ctx, jobs[i:i+1], w.limit())):
			return errOver
		}
	}
	return nil
}

const errNoAnswer = notANumber("the model's numbers for this flow are not finite, or no probabilities")

// took notes how long the model took for n flows and gives the share of one. The
// pace follows the last dozen batches.
func (w *slow) took(n int, spent time.Duration) time.Duration {
	share := spent / time.Duration(n)
	w.metrics.batched(w.stage.Name, n, spent)
	if spent <= w.cfg.Timeout { // else the process itself was halted
		pace := w.pace.Load()
		w.pace.Store(pace + (int64(share)-pace)/8)
	}
	return share
}

// settle says what becomes of jobs that the model was asked about without an answer:
// one that it failed on, or some that were given up together. False if the cascade
// was stopped.
func (w *slow) settle(ctx context.Context, jobs []*job, err error) bool {
	switch {
	case err == nil:
	case errors.Is(err, errOver):
		return false
	case errors.Is(err, errHung):
		w.metrics.failed(w.stage.Name, len(jobs), err)
		w.sick(err, w.breaker.hang(time.Now()))
		for _, j := range jobs {
			if j.suspect = true; len(jobs) == 1 {
				w.degrade(ctx, j, Breaker)
			} else {
				w.pass(ctx, j)
			}
		}
	default:
		w.fail(ctx, jobs[0], err)
	}
	return true
}

// fail gives up on a job that the model failed on.
func (w *slow) fail(ctx context.Context, j *job, err error) {
	w.metrics.failed(w.stage.Name, 1, err)
	w.degrade(ctx, j, Degraded)
	if !w.cfg.Patient {
		w.sick(err, w.breaker.failure(time.Now()))
	}
}

// sick says that the breaker has opened for a while, if it has.
func (w *slow) sick(err error, pause time.Duration) {
	if pause > 0 {
		w.metrics.sick(w.stage.Name, err, pause)
	}
}

// pass lets a job's earlier answer go out, without asking the model. One without an
// earlier answer waits until the model is well again: it is given up only when the
// model has failed on it alone.
func (w *slow) pass(ctx context.Context, j *job) {
	w.breaker.offer(j.row)
	if j.by != nil {
		w.degrade(ctx, j, Breaker)
		return
	}
	w.held = append(w.held, j)
	w.metrics.held.Set(float64(w.Cascade.held.Add(1)))
}

// again takes a batch of those that waited. One that was in a batch which was given
// up is asked about alone: it may be the one to blame.
func (w *slow) again() []*job {
	n := 1
	for !w.held[0].suspect && n < min(len(w.held), w.cfg.Batch) && !w.held[n].suspect {
		n++
	}
	w.jobs = append(w.jobs[:0], w.held[:n]...)
	w.held = append(w.held[:0], w.held[n:]...)
	w.metrics.held.Set(float64(w.Cascade.held.Add(-int64(n))))
	return w.jobs
}

// tied reports whether the two best are so close that the last bits, which may
// differ between a batch and a single row, could choose between them. The single
// row then decides, so that a label never depends on what else was queued.
func tied(p []float64) bool {
	first, second := bestTwo(p)
	return first-second < 1e-5
}

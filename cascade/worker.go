package cascade

import (
	"context"
	"errors"
	"time"
)

// worker is one goroutine of the slow stage, with what it alone uses.
type worker struct {
	slow   *slowStage
	batch  []*job        // under way ...
	rows   [][]float32   // ... and its rows
	parked []*job        // those that wait for the breaker to close, the oldest first
	calls  []*call       // free ones
	took   time.Duration // by the last call
	probes int           // chooses which of parked the next probe asks about
}

func newWorker(s *slowStage) *worker { return &worker{slow: s} }

// step does the next piece of work. It gives false at the end.
func (w *worker) step(ctx context.Context) bool {
	switch {
	case w.slow.breaker.rejecting.Load():
		return w.stepRejecting(ctx)
	case len(w.parked) > 0:
		return w.serve(ctx, w.takeParked())
	}
	select {
	case j := <-w.slow.queue:
		return w.serve(ctx, w.gather(j))
	case <-ctx.Done():
		select {
		case j := <-w.slow.queue:
			return w.serve(ctx, w.gather(j))
		default:
			return false
		}
	}
}

// gather takes what else is queued, without waiting for more.
func (w *worker) gather(first *job) []*job {
	w.batch = append(w.batch[:0], first)
	for len(w.batch) < w.slow.cfg.Batch {
		select {
		case j := <-w.slow.queue:
			w.batch = append(w.batch, j)
			continue
		default:
		}
		break
	}
	return w.batch
}

// serve answers a batch. If the model fails on it, each flow is asked about alone,
// because one bad row must not cost the others their answer. It gives false if the
// cascade was stopped meanwhile.
func (w *worker) serve(ctx context.Context, jobs []*job) bool {
	limit := w.limit()
	err := w.answer(ctx, jobs, limit)
	// An engine that ends a call at its own limit also does so when the process was
	// halted, so that the model had no time. A single flow is then asked about again.
	late := limit > 0 && w.took >= limit
	if err == nil || abandoned(err) || len(jobs) == 1 && !late {
		return w.unanswered(ctx, jobs, err)
	}
	left := limit // for all calls that fail, together
	for i, j := range jobs {
		if w.slow.breaker.rejecting.Load() {
			w.reject(ctx, j)
			continue
		}
		alone := jobs[i : i+1]
		err := w.answer(ctx, alone, left)
		if err != nil && limit > 0 {
			left = max(1, left-w.took)
		}
		if !w.unanswered(ctx, alone, err) {
			return false
		}
	}
	return true
}

// limit is how long a call may take; 0 means for ever.
func (w *worker) limit() time.Duration {
	if w.slow.cfg.Deterministic {
		return 0
	}
	return w.slow.cfg.Timeout
}

// unanswered says what becomes of jobs that a call ended for with err: one that the
// model failed on, or some whose call timed out. Nothing is to be done if err is nil. It
// gives false if the cascade was stopped.
func (w *worker) unanswered(ctx context.Context, jobs []*job, err error) bool {
	switch {
	case err == nil:
	case errors.Is(err, errStopped):
		return false
	case errors.Is(err, errTimedOut):
		w.timedOut(ctx, jobs, err)
	default:
		w.failed(ctx, jobs[0], err)
	}
	return true
}

// timedOut opens the breaker. A job that was asked about alone is given up; those of a
// batch are not, because one of them may be to blame for the others.
func (w *worker) timedOut(ctx context.Context, jobs []*job, err error) {
	s := w.slow
	s.metrics.failed(s.stage.Name, len(jobs), err)
	s.tellOpened(err, s.breaker.timedOut(time.Now()))
	if len(jobs) == 1 {
		s.fallback(ctx, jobs[0], Breaker)
		return
	}
	for _, j := range jobs {
		j.retryAlone = true
		w.reject(ctx, j)
	}
}

// failed gives up a job that the model failed on.
func (w *worker) failed(ctx context.Context, j *job, err error) {
	s := w.slow
	s.metrics.failed(s.stage.Name, 1, err)
	s.fallback(ctx, j, Degraded)
	if !s.cfg.Deterministic {
		s.tellOpened(err, s.breaker.failed(time.Now()))
	}
}

// reject emits a job's earlier answer without calling the model. A job without an
// earlier answer is parked until the breaker closes: it is given up only when the model
// has failed on it alone.
func (w *worker) reject(ctx context.Context, j *job) {
	w.slow.breaker.keepSample(j.row)
	if j.by != nil {
		w.slow.fallback(ctx, j, Breaker)
		return
	}
	w.parked = append(w.parked, j)
	w.slow.addParked(1)
}

// takeParked takes a batch of the parked jobs. One whose batch timed out is taken alone,
// because it may be the one to blame.
func (w *worker) takeParked() []*job {
	n := 1
	for !w.parked[0].retryAlone && n < min(len(w.parked), w.slow.cfg.Batch) && !w.parked[n].retryAlone {
		n++
	}
	w.batch = append(w.batch[:0], w.parked[:n]...)
	w.parked = append(w.parked[:0], w.parked[n:]...)
	w.slow.addParked(-n)
	return w.batch
}

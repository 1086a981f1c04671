package cascade

import (
	"context"
	"errors"
	"time"
)

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

// reject emits a job's earlier answer without calling the model, or hands the job on to the
// stage behind. A job without either is parked until the breaker closes: it is given up only
// when the model has failed on it alone. Nothing waits for a shadow.
func (w *worker) reject(ctx context.Context, j *job) {
	w.slow.breaker.keepSample(j.row)
	if j.by != nil || w.slow.handOn != nil || w.slow.cfg.Shadow {
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

// tellOpened logs and counts that the breaker has opened. If it has not, the time until
// the probe is 0.
func (s *slowStage) tellOpened(err error, untilProbe time.Duration) {
	if untilProbe == 0 {
		return
	}
	s.metrics.opened(s.stage.Name, err, untilProbe)
}

package cascade

import (
	"context"
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
	case w.slow.cfg.Shadow && ctx.Err() != nil: // nobody waits for what is queued
		return false
	case w.slow.breaker.rejecting.Load():
		return w.stepRejecting(ctx)
	case len(w.parked) > 0:
		return w.serve(ctx, w.takeParked())
	}
	select {
	case j := <-w.slow.queue:
		w.fill(ctx)
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

// filling is how long a batch waits for more flows where labels are late anyway. A member that caught up with
// one partition took 8% less CPU with it.
const filling = 2 * time.Millisecond

// fill waits for more flows, where labels are late anyway and the queue has room: each call of the model wakes two
// goroutines, for one flow as for many.
func (w *worker) fill(ctx context.Context) {
	s := w.slow
	if !s.catchingUp() || len(s.queue) >= min(s.cfg.Batch, cap(s.queue))/2 {
		return
	}
	select {
	case <-time.After(filling):
	case <-ctx.Done():
	}
}

// gather takes what else is queued, without waiting for more.
func (w *worker) gather(first *job) []*job {
	w.batch = append(w.batch[:0], first)
	defer func() { w.slow.metrics.dequeued(w.slow.stage.Name, w.batch) }()
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

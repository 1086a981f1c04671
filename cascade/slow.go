package cascade

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// job is a flow on its way through the slow stage.
type job struct {
	verdict Verdict // all but the answer
	row     []float32
	answer  []float64 // what an earlier stage said ...
	by      *Stage    // ... and which; nil where none did
	suspect bool      // it was in a batch that was given up
}

// hand queues a job. Where there is no room, or the slow stage is sick, the earlier
// answer goes out instead, unless there is none or the cascade is patient: then it
// blocks. Once ctx is done or Run has ended it lets go of the job without telling its
// Acker, so the flow keeps its place in the log.
func (c *Cascade) hand(ctx context.Context, j *job) {
	j.suspect = false
	if c.cfg.Patient || j.by == nil {
		select {
		case c.queue <- j:
		case <-ctx.Done():
		case <-c.over:
		}
		return
	}
	if c.breaker.away.Load() {
		c.breaker.offer(j.row)
		c.degrade(ctx, j, Breaker)
		return
	}
	if wait := time.Duration(c.pace.Load()) * time.Duration(len(c.queue)/c.cfg.Workers); wait > c.cfg.Wait {
		c.degrade(ctx, j, Degraded)
		return
	}
	select {
	case c.queue <- j:
	default:
		c.degrade(ctx, j, Degraded)
	}
}

// Run works on the slow stage's queue until ctx is done; what is queued then is
// finished first. Without a slow stage it just waits. It can run once.
//
// Flows that no earlier stage answered wait while the slow stage is sick. Those that
// still wait at the end are let go of with their pins held, and so are those that
// the model was at work on: whoever reads their records next labels them.
func (c *Cascade) Run(ctx context.Context) error {
	defer close(c.over)
	var workers errgroup.Group
	for range c.cfg.Workers {
		workers.Go(func() error {
			w := newSlow(c)
			for w.step(ctx) {
			}
			return nil
		})
	}
	return workers.Wait()
}

// slow is one worker of the slow stage with what it holds.
type slow struct {
	*Cascade
	stage *Stage
	jobs  []*job        // the batch in hand ...
	rows  [][]float32   // ... and its rows
	held  []*job        // those that wait for the model to be well again, the oldest first
	calls []*call       // that nobody uses
	spent time.Duration // that the model took for its last answer
	turn  int           // which of held a probe asks about next
}

func newSlow(c *Cascade) *slow {
	return &slow{Cascade: c, stage: &c.spec.Stages[len(c.spec.Stages)-1]}
}

// step does the next thing that is to be done; false at the end.
func (w *slow) step(ctx context.Context) bool {
	switch {
	case w.breaker.away.Load():
		return w.stepAway(ctx)
	case len(w.held) > 0:
		return w.serve(ctx, w.again())
	}
	select {
	case j := <-w.queue:
		return w.serve(ctx, w.gather(j))
	case <-ctx.Done():
		select {
		case j := <-w.queue:
			return w.serve(ctx, w.gather(j))
		default:
			return false
		}
	}
}

// gather takes what else is queued, without waiting for more.
func (w *slow) gather(first *job) []*job {
	w.jobs = append(w.jobs[:0], first)
	for len(w.jobs) < w.cfg.Batch {
		select {
		case j := <-w.queue:
			w.jobs = append(w.jobs, j)
			continue
		default:
		}
		break
	}
	return w.jobs
}

// serve answers a batch. Where the model fails on it, each flow is asked about
// alone, because one bad row must not cost the others their answer. False if the
// cascade was stopped meanwhile.
func (w *slow) serve(ctx context.Context, jobs []*job) bool {
	limit := w.limit()
	err := w.answer(ctx, jobs, limit)
	// An engine that ends a call at its own limit does so too when the process was
	// halted, so that the model had no time: one flow is then asked about again.
	late := limit > 0 && w.spent >= limit
	if err == nil || errors.Is(err, errHung) || errors.Is(err, errOver) || len(jobs) == 1 && !late {
		return w.settle(ctx, jobs, err)
	}
	left := limit // for those that it fails on, together
	for i, j := range jobs {
		if w.breaker.away.Load() {
			w.pass(ctx, j)
			continue
		}
		alone := jobs[i : i+1]
		err := w.answer(ctx, alone, left)
		if err != nil && limit > 0 {
			left = max(1, left-w.spent)
		}
		if !w.settle(ctx, alone, err) {
			return false
		}
	}
	return true
}

// limit is how long the model may take for a question; 0 is for ever.
func (w *slow) limit() time.Duration {
	if w.cfg.Patient {
		return 0
	}
	return w.cfg.Timeout
}

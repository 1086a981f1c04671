// Package cascade decides flows: a fast model for most, a slower one only for
// those that the fast one is unsure of.
package cascade

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a cascade is built with besides its bundle.
type Config struct {
	// Provisional: a flow that the first stage is unsure of gets that stage's
	// label at once, before its final one.
	Provisional bool
	// Queue is how many flows may wait for the slow stage.
	Queue int
	// Workers is how many batches of the slow stage run side by side.
	Workers int
	// Batch is how many flows the slow stage takes at once, at most.
	Batch int
	// Wait is how long a flow may be expected to wait in the queue: where it would
	// be longer, the queue counts as full.
	Wait time.Duration
	// Timeout is how long a batch of the slow stage may take; then it is given up.
	Timeout time.Duration
	// Patient: a full queue holds the input back, instead of letting the fast
	// stage's answer go out as degraded, and the slow stage is never given up. For
	// replays, which are to be repeatable.
	Patient bool
}

// Validate names the first setting that makes no sense.
func (c Config) Validate() error {
	if c.Queue < 1 {
		return fmt.Errorf("cascade: the slow stage's queue is %d flows: choose at least 1", c.Queue)
	}
	if c.Workers < 1 {
		return errors.New("cascade: the slow stage needs at least one worker")
	}
	if c.Wait <= 0 {
		return fmt.Errorf("cascade: flows may wait %v for the slow stage: choose a time above 0 (SERVEFLOW_SLOW_WAIT)", c.Wait)
	}
	if c.Timeout <= 0 {
		return fmt.Errorf("cascade: a batch of the slow stage may take %v: choose a time above 0 (SERVEFLOW_SLOW_TIMEOUT)", c.Timeout)
	}
	if c.Batch < 1 {
		return fmt.Errorf("cascade: the slow stage's batch is %d flows: choose at least 1", c.Batch)
	}
	return nil
}

// Cascade is a bundle's stages at work. Its deciders run in the partitions'
// goroutines, its slow stage in goroutines of its own.
type Cascade struct {
	spec    *Spec
	cfg     Config
	metrics *Metrics
	emit    func(context.Context, Verdict)
	queue   chan *job // nil where no stage is slow
	jobs    sync.Pool // of *job
	breaker breaker
	pace    atomic.Int64  // what the slow stage takes for a flow, nanoseconds, of late
	held    atomic.Int64  // flows that wait for a slow stage that is sick
	over    chan struct{} // closed when Run has ended
}

// New builds a cascade. emit gets each verdict, from whichever goroutine reached
// it, and may block: that is how a sink that cannot keep up holds the input back.
// Its context is that of Decide for a verdict of a Decider, and that of Run for one
// of the slow stage. An emit that gives up when the context is done must not
// acknowledge the verdict.
func New(spec *Spec, cfg Config, m *Metrics, emit func(context.Context, Verdict)) *Cascade {
	c := &Cascade{spec: spec, cfg: cfg, metrics: m, emit: emit, over: make(chan struct{})}
	c.breaker.limit = cfg.Workers + spare
	c.jobs.New = func() any { return new(job) }
	if spec.Stages[len(spec.Stages)-1].Slow {
		c.queue = make(chan *job, cfg.Queue)
	}
	return c
}

// Decider gives one partition's goroutine its own view of the cascade.
func (c *Cascade) Decider() *Decider {
	return &Decider{Cascade: c, scores: make([]float64, len(c.spec.Classes))}
}

// finish emits a stage's final verdict.
func (c *Cascade) finish(ctx context.Context, v Verdict, p []float64, s *Stage) {
	v.answer(p, s)
	c.metrics.labelled(&v)
	c.emit(ctx, v)
}

// Ready says in words why flows may have to wait for their labels; nil if they need
// not. A slow stage that is sick is no such reason while earlier stages answer.
func (c *Cascade) Ready() error {
	if n := c.held.Load(); n > 0 && c.breaker.away.Load() {
		return fmt.Errorf("the slow stage hangs or fails, and %d flows that no earlier stage answered wait for it: see the log", n)
	}
	return nil
}

// degrade finishes a flow that the last stage did not answer with what an
// earlier stage said. Where none said anything the flow stays unlabelled, and
// is counted.
func (c *Cascade) degrade(ctx context.Context, j *job, why Reason) {
	if j.by == nil {
		c.metrics.unlabelled.Inc()
		j.verdict.Acker.Ack()
	} else {
		j.verdict.Reason = why
		c.finish(ctx, j.verdict, j.answer, j.by)
	}
	c.jobs.Put(j)
}

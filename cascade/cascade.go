package cascade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Cascade is a bundle's stages at work. Its fast stages run in the partitions'
// goroutines, its slow stage in goroutines of its own.
type Cascade struct {
	spec        *Spec
	depth       int // packets of a flow that it looks at, at most
	provisional bool
	shadow      bool // nothing waits for its labels
	metrics     *Metrics
	emitter     *emitter
	slow        []*slowStage // by the place of the stage; nil for one that is fast
	jobs        *sync.Pool   // of *job, used again by whichever stage has one
	users       *users
	number      int32 // its place among the cascades of its slot, from 1; 0: it has none
}

// New builds a cascade. emit gets each verdict, from the goroutine that reached it. It
// may block, so a sink that cannot keep up holds the input back. Its context is that
// of Decide for a verdict of a Decider, and that of Run for one of the slow stage. An
// emit that gives up because the context is done must not tell the verdict's Acker.
func New(spec *Spec, cfg Config, m *Metrics, emit func(context.Context, Verdict)) *Cascade {
	c := &Cascade{spec: spec, depth: spec.Depth(), provisional: cfg.Provisional, shadow: cfg.Shadow, metrics: m, emitter: &emitter{metrics: m, emit: emit, drift: newDrift(spec, cfg)},
		slow: make([]*slowStage, len(spec.Stages)), users: newUsers(),
		jobs: &sync.Pool{New: func() any { return new(job) }}}
	if n := spec.slowStages(); n > 1 {
		cfg.Queue = max(1, cfg.Queue/n) // memory is set aside for so many flows of a task
	}
	for i := range spec.Stages {
		if !spec.Stages[i].Slow {
			continue
		}
		c.slow[i] = newSlowStage(spec, i, cfg, m, c.emitter)
		c.slow[i].users, c.slow[i].jobs = c.users, c.jobs
		c.slow[i].steering = newSteering(spec, cfg, c.slow[i], m)
		if i+1 < len(spec.Stages) {
			c.slow[i].handOn = func(ctx context.Context, j *job) {
				if cfg.Deterministic { // a stop comes once all is read, and what is queued is still answered
					ctx = context.WithoutCancel(ctx)
				}
				c.askBehind(ctx, j, i+1)
			}
		}
	}
	return c
}

// newJob gives a job whose buffers may have been used before.
func (c *Cascade) newJob() *job {
	j := c.jobs.Get().(*job)
	j.retryAlone, j.behind = false, j.behind[:0]
	return j
}

// Run runs the slow stages' workers until ctx is done, and then until they have
// finished the jobs that are queued, those of a stage in front first. Without a slow
// stage it waits for ctx. It can run once.
//
// Some flows have no label at the end: those that the model was working on, and those
// that no earlier stage answered and that waited because the breaker was not closed.
// Their Ackers are not told, so whoever reads their records next labels them.
func (c *Cascade) Run(ctx context.Context) error {
	var all errgroup.Group
	before := ctx
	for _, s := range c.slow {
		if s == nil {
			continue
		}
		until := before
		own, ended := context.WithCancel(context.WithoutCancel(ctx))
		all.Go(func() error { defer ended(); return s.run(until) })
		before = own
	}
	<-before.Done()
	return all.Wait()
}

// Ready says in words why flows may have to wait for their labels; nil if they need
// not. A slow stage whose breaker is open is no such reason while earlier stages answer.
func (c *Cascade) Ready() error {
	for _, s := range c.slow {
		if s == nil {
			continue
		}
		if n := s.parked.Load(); n > 0 && s.breaker.rejecting.Load() {
			return fmt.Errorf("the slow stage %s hangs or fails, and %d flows that no earlier stage answered wait for it: see the log", s.stage.Name, n)
		}
	}
	return nil
}

// close frees the models, once their calls have returned. Nothing may need them any more,
// and Run must have ended.
func (c *Cascade) close() error {
	for _, s := range c.slow {
		if s != nil {
			s.calls.Wait()
		}
	}
	return c.spec.Close()
}

// show has the metrics show this cascade: the breakers of its slow stages, what load does to
// their flows, and its drift.
func (c *Cascade) show() {
	c.metrics.drift.Watch(c.emitter.drift)
	c.showSteering(true)
	for _, s := range c.slow {
		if s != nil {
			now, _ := s.breaker.snapshot()
			c.metrics.breaker.WithLabelValues(s.stage.Name).Set(float64(now))
		}
	}
}

// showSteering says whether the gauges of steering are those of this cascade.
func (c *Cascade) showSteering(shown bool) {
	for _, s := range c.slow {
		if s != nil && s.steering != nil {
			s.steering.shown.Store(shown)
		}
	}
}

// Close frees the models that hold more than Go's memory. They must not be used afterwards.
func (s *Spec) Close() error {
	var faults []error
	for i := range s.Stages {
		if model, ok := s.Stages[i].Model.(io.Closer); ok {
			faults = append(faults, model.Close())
		}
	}
	return errors.Join(faults...)
}

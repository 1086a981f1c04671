package cascade

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Cascade is a bundle's stages at work. Its fast stages run in the partitions'
// goroutines, its slow stage in goroutines of its own.
type Cascade struct {
	spec        *Spec
	provisional bool
	metrics     *Metrics
	emitter     *emitter
	slow        *slowStage // nil if the last stage is fast
	users       *users
	number      int32 // its place among the cascades of its slot, from 1; 0: it has none
}

// New builds a cascade. emit gets each verdict, from the goroutine that reached it. It
// may block, so a sink that cannot keep up holds the input back. Its context is that
// of Decide for a verdict of a Decider, and that of Run for one of the slow stage. An
// emit that gives up because the context is done must not tell the verdict's Acker.
func New(spec *Spec, cfg Config, m *Metrics, emit func(context.Context, Verdict)) *Cascade {
	c := &Cascade{spec: spec, provisional: cfg.Provisional, metrics: m, emitter: &emitter{metrics: m, emit: emit}, users: newUsers()}
	if last := &spec.Stages[len(spec.Stages)-1]; last.Slow {
		c.slow = newSlowStage(last, len(spec.Classes), cfg, m, c.emitter)
		c.slow.users = c.users
	}
	return c
}

// Run runs the slow stage's workers until ctx is done, and then until they have
// finished the jobs that are queued. Without a slow stage it waits for ctx. It can run
// once.
//
// Some flows have no label at the end: those that the model was working on, and those
// that no earlier stage answered and that waited because the breaker was not closed.
// Their Ackers are not told, so whoever reads their records next labels them.
func (c *Cascade) Run(ctx context.Context) error {
	if c.slow == nil {
		<-ctx.Done()
		return nil
	}
	return c.slow.run(ctx)
}

// Ready says in words why flows may have to wait for their labels; nil if they need
// not. A slow stage whose breaker is open is no such reason while earlier stages answer.
func (c *Cascade) Ready() error {
	if c.slow == nil {
		return nil
	}
	if n := c.slow.parked.Load(); n > 0 && c.slow.breaker.rejecting.Load() {
		return fmt.Errorf("the slow stage hangs or fails, and %d flows that no earlier stage answered wait for it: see the log", n)
	}
	return nil
}

// close frees the models, once their calls have returned. Nothing may need them any more,
// and Run must have ended.
func (c *Cascade) close() error {
	if c.slow != nil {
		c.slow.calls.Wait()
	}
	return c.spec.Close()
}

// breakerState is that of the slow stage's breaker.
func (c *Cascade) breakerState() state {
	if c.slow == nil {
		return closed
	}
	now, _ := c.slow.breaker.snapshot()
	return now
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

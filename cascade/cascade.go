package cascade

import (
	"context"
	"fmt"
)

// Cascade is a bundle's stages at work. Its fast stages run in the partitions'
// goroutines, its slow stage in goroutines of its own.
type Cascade struct {
	spec        *Spec
	provisional bool
	metrics     *Metrics
	emitter     *emitter
	slow        *slowStage // nil if the last stage is fast
}

// New builds a cascade. emit gets each verdict, from the goroutine that reached it. It
// may block, so a sink that cannot keep up holds the input back. Its context is that
// of Decide for a verdict of a Decider, and that of Run for one of the slow stage. An
// emit that gives up because the context is done must not tell the verdict's Acker.
func New(spec *Spec, cfg Config, m *Metrics, emit func(context.Context, Verdict)) *Cascade {
	c := &Cascade{spec: spec, provisional: cfg.Provisional, metrics: m, emitter: &emitter{metrics: m, emit: emit}}
	if last := &spec.Stages[len(spec.Stages)-1]; last.Slow {
		c.slow = newSlowStage(last, len(spec.Classes), cfg, m, c.emitter)
		c.slow.steering = newSteering(spec, cfg, c.slow, m)
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

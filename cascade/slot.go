package cascade

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cascade/shadow"
)

// Slot is the place of a task's cascade. Another one can take its place while flows are
// decided: new flows begin with that one, and each other flow is decided by the one that
// it began with. A cascade that nothing needs any more is stopped, and its models freed.
type Slot struct {
	metrics *Metrics
	current atomic.Pointer[Cascade] // that new flows begin with
	next    chan *Cascade           // to Run
	written Written
	shadow  *shadow.Share // of the flows that it decides beside another slot; nil: it decides all

	mu     sync.Mutex
	held   []*Cascade // the current one, and the others that are still needed
	number int32      // of the cascade that came last
}

// NewSlot builds a slot that holds c, which must be in no other. written finds labels that
// were written before this process began; nil: nobody looks for them.
func NewSlot(c *Cascade, written Written) *Slot {
	s := &Slot{metrics: c.metrics, next: make(chan *Cascade), written: written}
	s.admit(c)
	s.current.Store(c)
	c.show()
	return s
}

// NewShadow builds a slot that holds c, whose Config is that of a shadow. It decides a share of
// the flows, and nothing else depends on it.
func NewShadow(c *Cascade, share shadow.Share) *Slot {
	s := NewSlot(c, nil)
	s.shadow = &share
	return s
}

// Run runs the cascades until ctx is done, as Cascade.Run does. It can run once.
func (s *Slot) Run(ctx context.Context) error {
	var all errgroup.Group
	run := func(c *Cascade) { all.Go(func() error { return s.serve(ctx, c) }) }
	run(s.current.Load())
	for {
		select {
		case c := <-s.next:
			run(c)
		case <-ctx.Done():
			return all.Wait()
		}
	}
}

// serve runs a cascade until ctx is done, or until nothing needs it: then it is closed.
func (s *Slot) serve(ctx context.Context, c *Cascade) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.users.none, stop)()
	if err := c.Run(running); err != nil || ctx.Err() != nil {
		return err
	}
	s.forget(c, s.metrics.breaker, s.metrics.parked, s.metrics.threshold, s.metrics.share)
	s.show() // c tells of its breakers no more, and may have been the last to do so
	freed := make(chan struct{})
	go func() { // a model that hangs holds this up, and nothing else
		defer close(freed)
		s.dismiss(c, c.close())
	}()
	select {
	case <-freed:
	case <-ctx.Done():
	}
	return nil
}

// Swap has new flows begin with next, which is in no slot yet. It waits until Run runs next,
// and gives ctx's error if that is done before.
func (s *Slot) Swap(ctx context.Context, next *Cascade) error {
	s.admit(next)
	select {
	case s.next <- next:
	case <-ctx.Done():
		s.dismiss(next, nil)
		return ctx.Err()
	}
	s.replace(next)
	return nil
}

// Restore has new flows begin again with an earlier cascade, if one with this digest is
// still needed. It reports whether that is so.
func (s *Slot) Restore(digest string) bool {
	s.mu.Lock()
	i := slices.IndexFunc(s.held, func(c *Cascade) bool { return c.spec.Digest == digest && c.users.hold() })
	var earlier *Cascade
	if i >= 0 {
		earlier = s.held[i]
	}
	s.mu.Unlock()
	if earlier == nil {
		return false
	}
	s.replace(earlier)
	return true
}

// replace makes a cascade the current one. The slot is among its users already.
func (s *Slot) replace(c *Cascade) {
	before := s.current.Swap(c)
	before.showSteering(false)
	s.show()
	before.users.leave(1)
}

// show has the metrics show the current cascade.
func (s *Slot) show() {
	s.mu.Lock() // of two at the same time, the later one shows the later cascade
	defer s.mu.Unlock()
	s.current.Load().show()
}

// Held is how many cascades are still needed, with the current one.
func (s *Slot) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// Ready says in words why flows may have to wait for their labels; nil if they need not.
func (s *Slot) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []error
	for _, c := range s.held {
		faults = append(faults, c.Ready())
	}
	return errors.Join(faults...)
}

// hold gives the current cascade, with the caller among its users.
func (s *Slot) hold() *Cascade {
	c := s.current.Load()
	for !c.users.hold() { // it was replaced meanwhile
		c = s.current.Load()
	}
	return c
}

// admit numbers a cascade and counts it.
func (s *Slot) admit(c *Cascade) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	c.number = s.number
	s.held = append(s.held, c)
	s.metrics.held.Set(float64(len(s.held)))
}

// dismiss forgets a cascade. The fault is what came of freeing its models.
func (s *Slot) dismiss(c *Cascade, fault error) {
	s.mu.Lock()
	s.held = slices.DeleteFunc(s.held, func(other *Cascade) bool { return other == c })
	s.metrics.held.Set(float64(len(s.held)))
	s.mu.Unlock()
	s.forget(c, s.metrics.running)
	if fault != nil {
		s.metrics.log.Warn("the models of an earlier bundle are not freed", "bundle", c.spec.Bundle, "digest", c.spec.Digest, "err", fault)
	}
}

// forget drops the gauges of a cascade's stages whose names no other one has: they would show
// for ever how the stages were at last.
func (s *Slot) forget(c *Cascade, gauges ...*prometheus.GaugeVec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := map[string]bool{}
	for _, other := range s.held {
		for i := range other.spec.Stages {
			kept[other.spec.Stages[i].Name] = kept[other.spec.Stages[i].Name] || other != c
		}
	}
	for i := range c.spec.Stages {
		for _, gauge := range gauges {
			if name := c.spec.Stages[i].Name; !kept[name] {
				gauge.DeleteLabelValues(name)
			}
		}
	}
}

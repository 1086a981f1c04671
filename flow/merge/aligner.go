package merge

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// aligner keeps inputs abreast in record time: an input
// waits while another lags behind its next record. The one that lags most never waits,
// so there is always one that goes on.
type aligner struct {
	timeout time.Duration // how long an input without records to hand is waited for
	lost    func(source int)

	mu      sync.Mutex
	sources []*source
}

// source is one input's part in an aligner. Its methods are for the input's goroutine
// alone.
type source struct {
	aligner *aligner
	id      int
	wake    chan struct{}
	timer   *time.Timer

	// Guarded by aligner.mu:
	at        eventTime // nothing before it is still to come
	state     sourceState
	since     time.Time // since when it is fetching
	wants     eventTime // what it waits for to be its turn
	slack     int64     // microseconds
	blockedBy *source   // whom it waits for; nil while it does not wait
	blocking  []*source // those that wait for it
}

type sourceState uint8

const (
	fetching sourceState = iota // has no record to hand, and there are more
	lost                        // was fetching for too long: nobody waits for it
	ready                       // has a record to hand
	ended                       // is read to its end: nobody waits for it
)

// newAligner builds an aligner of n sources. A source that fetches for longer than the
// timeout is told to lost, and not waited for until it has a record again.
func newAligner(n int, timeout time.Duration, lost func(source int)) *aligner {
	a := &aligner{timeout: timeout, lost: lost}
	for i := range n {
		s := &source{aligner: a, id: i, wake: make(chan struct{}, 1), timer: time.NewTimer(0), at: eventTime{0, math.MinInt64}, since: time.Now()}
		a.sources = append(a.sources, s)
	}
	return a
}

// era is in which one the source is.
func (s *source) era() int {
	s.aligner.mu.Lock()
	defer s.aligner.mu.Unlock()
	return s.at.era
}

// pass waits until no other source lies more than slack microseconds behind next.
// False: ctx is done.
func (s *source) pass(ctx context.Context, next eventTime, slack int64) bool {
	for ctx.Err() == nil {
		if s.tryPass(ctx, next, slack, s.aligner.timeout) {
			return true
		}
	}
	return false
}

// tryPass is pass that waits no longer than atMost. The others wait for the source as if
// it had passed.
func (s *source) tryPass(ctx context.Context, next eventTime, slack int64, atMost time.Duration) bool {
	a := s.aligner
	a.mu.Lock()
	defer a.mu.Unlock()
	s.move(ready, next)
	s.wants, s.slack = next, slack
	a.block(s)
	for late := false; s.blockedBy != nil && !late && ctx.Err() == nil; {
		a.mu.Unlock()
		late = s.wait(ctx, atMost)
		a.mu.Lock()
		if late {
			a.giveUp(time.Now())
		}
	}
	free := s.blockedBy == nil
	a.unblock(s)
	return free && ctx.Err() == nil
}

// fetch says that the source has handed on what it had, and asks for more.
func (s *source) fetch() {
	s.aligner.mu.Lock()
	defer s.aligner.mu.Unlock()
	if s.state == ready || s.state == ended {
		s.since = time.Now()
		s.move(fetching, s.at)
	}
}

// end says that the source's input is read to its end. It is then as far as all the
// others.
func (s *source) end() {
	s.aligner.mu.Lock()
	defer s.aligner.mu.Unlock()
	at := s.at
	for _, other := range s.aligner.sources {
		at.era = max(at.era, other.at.era)
	}
	s.move(ended, at)
}

// wait waits for a wake; late where that took too long.
func (s *source) wait(ctx context.Context, atMost time.Duration) (late bool) {
	s.timer.Reset(atMost)
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-s.timer.C:
		late = true
	}
	return late
}

// move changes where the source is, and wakes those that need not wait for it any more.
func (s *source) move(state sourceState, at eventTime) {
	s.state, s.at = state, at
	waiting := s.blocking
	s.blocking = s.blocking[:0] // the loop below appends to it no faster than it reads
	for _, w := range waiting {
		if s.aligner.block(w); w.blockedBy == nil {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}

// block finds out whom a source waits for.
func (a *aligner) block(s *source) {
	if s.blockedBy = a.lagging(s); s.blockedBy != nil {
		s.blockedBy.blocking = append(s.blockedBy.blocking, s)
	}
}

// unblock has a source wait no more.
func (a *aligner) unblock(s *source) {
	if s.blockedBy != nil {
		s.blockedBy.blocking = slices.DeleteFunc(s.blockedBy.blocking, func(w *source) bool { return w == s })
		s.blockedBy = nil
	}
}

// lagging gives a source that lies too far behind what s wants; nil where none does.
func (a *aligner) lagging(s *source) *source {
	for _, other := range a.sources {
		if other != s && other.state != ended && other.state != lost && other.at.before(s.wants, s.slack) {
			return other
		}
	}
	return nil
}

// giveUp goes on without the sources that have been fetching for too long.
func (a *aligner) giveUp(now time.Time) {
	for _, s := range a.sources {
		if s.state == fetching && now.Sub(s.since) >= a.timeout {
			a.lost(s.id)
			s.move(lost, s.at)
		}
	}
}

package consumer

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// moment is a place in the order of a topic: record time, and how often that has
// stepped back by more than a leap before.
type moment struct {
	era int
	ts  int64 // microseconds
}

// before reports whether m lies more than slack, in microseconds, before other.
func (m moment) before(other moment, slack int64) bool {
	return m.era < other.era || m.era == other.era && m.ts < other.ts-slack
}

// pace keeps the partitions that one member reads abreast in record time: a
// partition waits while another lags behind its next record. The one that lags
// most never waits, so there is always one that goes on.
type pace struct {
	patience time.Duration // how long a partition without records to hand is waited for
	gaveUp   func(lane int)

	mu    sync.Mutex
	lanes []*lane
}

// lane is one partition's part in a pace. Its methods are for the partition's
// goroutine alone.
type lane struct {
	pace  *pace
	id    int
	wake  chan struct{}
	timer *time.Timer

	// Guarded by pace.mu:
	at      moment // nothing before it is still to come
	state   laneState
	since   time.Time // since when it reads
	wants   moment    // what it waits for to be next
	slack   int64
	heldBy  *lane   // whom it waits for; nil while it does not
	holding []*lane // those that wait for it
}

type laneState uint8

const (
	reading laneState = iota // has no record to hand, and there are more
	lost                     // was reading for too long: nobody waits for it
	going                    // has a record to hand
	ended                    // is read to its end: nobody waits for it
)

// newPace builds a pace of n lanes. A lane that reads for longer than patience is
// not waited for, and told to gaveUp, until it has a record again.
func newPace(n int, patience time.Duration, gaveUp func(lane int)) *pace {
	p := &pace{patience: patience, gaveUp: gaveUp}
	for i := range n {
		l := &lane{pace: p, id: i, wake: make(chan struct{}, 1), timer: time.NewTimer(0), at: moment{0, math.MinInt64}, since: time.Now()}
		p.lanes = append(p.lanes, l)
	}
	return p
}

// era is in which one the lane is.
func (l *lane) era() int {
	l.pace.mu.Lock()
	defer l.pace.mu.Unlock()
	return l.at.era
}

// pass waits until no other lane lies more than slack microseconds behind next.
// False: ctx is done.
func (l *lane) pass(ctx context.Context, next moment, slack int64) bool {
	for ctx.Err() == nil {
		if l.try(ctx, next, slack, l.pace.patience) {
			return true
		}
	}
	return false
}

// try is pass that waits no longer than it is told. The others wait for the lane
// as if it had passed.
func (l *lane) try(ctx context.Context, next moment, slack int64, atMost time.Duration) bool {
	p := l.pace
	p.mu.Lock()
	defer p.mu.Unlock()
	l.move(going, next)
	l.wants, l.slack = next, slack
	p.hold(l)
	for late := false; l.heldBy != nil && !late && ctx.Err() == nil; {
		p.mu.Unlock()
		late = l.wait(ctx, atMost)
		p.mu.Lock()
		if late {
			p.giveUp(time.Now())
		}
	}
	free := l.heldBy == nil
	p.release(l)
	return free && ctx.Err() == nil
}

// read says that the lane has handed on what it had, and asks for more.
func (l *lane) read() {
	l.pace.mu.Lock()
	defer l.pace.mu.Unlock()
	if l.state == going || l.state == ended {
		l.since = time.Now()
		l.move(reading, l.at)
	}
}

// end says that the lane's partition is read to its end. Who is there is up with
// all the others.
func (l *lane) end() {
	l.pace.mu.Lock()
	defer l.pace.mu.Unlock()
	at := l.at
	for _, other := range l.pace.lanes {
		at.era = max(at.era, other.at.era)
	}
	l.move(ended, at)
}

// wait waits for a wake; late where that took too long.
func (l *lane) wait(ctx context.Context, atMost time.Duration) (late bool) {
	l.timer.Reset(atMost)
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-l.timer.C:
		late = true
	}
	return late
}

// move changes where the lane is, and lets go of those that need not wait for it
// any more.
func (l *lane) move(state laneState, at moment) {
	l.state, l.at = state, at
	waiting := l.holding
	l.holding = l.holding[:0] // overtaken by the loop below: one of waiting at most goes back per round
	for _, w := range waiting {
		if l.pace.hold(w); w.heldBy == nil {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}

// hold finds out whom a lane waits for.
func (p *pace) hold(l *lane) {
	if l.heldBy = p.holder(l); l.heldBy != nil {
		l.heldBy.holding = append(l.heldBy.holding, l)
	}
}

// release has a lane wait no more.
func (p *pace) release(l *lane) {
	if l.heldBy != nil {
		l.heldBy.holding = slices.DeleteFunc(l.heldBy.holding, func(w *lane) bool { return w == l })
		l.heldBy = nil
	}
}

// holder gives a lane that lies too far behind what l wants; nil where none does.
func (p *pace) holder(l *lane) *lane {
	for _, other := range p.lanes {
		if other != l && other.state != ended && other.state != lost && other.at.before(l.wants, l.slack) {
			return other
		}
	}
	return nil
}

// giveUp goes on without the lanes that have been reading for too long.
func (p *pace) giveUp(now time.Time) {
	for _, l := range p.lanes {
		if l.state == reading && now.Sub(l.since) >= p.patience {
			p.gaveUp(l.id)
			l.move(lost, l.at)
		}
	}
}

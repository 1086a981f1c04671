// Package backlog tells whether a member is catching up with what was written while nobody
// read.
package backlog

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// late is how old the last record that was taken is of a partition that is behind.
	late = 2 * time.Second
	// window is the time over which a member's pace is measured.
	window = 5 * time.Second
	// gaining is the pace, in seconds of records per second of wall time, from which on a
	// member that had been losing catches up.
	gaining = 1.05
)

// Backlog follows how far the partitions of a member are behind. It is safe for concurrent
// use.
//
// A member is catching up while a partition is late and gets no later. It is not while
// records come faster than they are labelled: lateness that grows little by little is
// load. Lateness that is there at once, at a start or after a time in which nothing could
// be read, is a backlog.
type Backlog struct {
	metrics    *Metrics
	catchingUp atomic.Bool

	mu       sync.Mutex
	newest   map[int]time.Time // by partition that is behind: when the last record taken was written; zero: not known
	observed time.Time         // the last time
	since    time.Time         // of the window; zero: the member is not late
	age      time.Duration     // when the window began
}

// New builds a backlog of a member that has no partitions.
func New(m *Metrics) *Backlog { return &Backlog{metrics: m, newest: map[int]time.Time{}} }

// CatchingUp reports whether labels are late anyway and get no later, so that they lose
// nothing if they wait for the best answer.
func (b *Backlog) CatchingUp() bool { return b.catchingUp.Load() }

// Observe tells at now how many records of a partition are not taken yet, and when the last
// one that was taken was written; the zero time where that is not known.
func (b *Backlog) Observe(partition int, behind int64, newest, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	pause := now.Sub(b.observed) > late
	b.observed = now
	if behind == 0 {
		delete(b.newest, partition)
	} else {
		b.newest[partition] = newest
	}
	b.judge(now, pause)
}

// Forget removes a partition that the member no longer reads.
func (b *Backlog) Forget(partition int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.newest, partition)
	b.judge(b.observed, false)
}

// judge decides anew. After a pause, lateness is of what was written meanwhile.
func (b *Backlog) judge(now time.Time, pause bool) {
	age, known := b.oldest(now)
	defer func() {
		b.metrics.catchingUp.Set(0)
		if b.catchingUp.Load() {
			b.metrics.catchingUp.Set(1)
		}
	}()
	switch passed := now.Sub(b.since); {
	case known && age < late:
		b.since = time.Time{}
		b.catchingUp.Store(false)
		b.metrics.pace.Set(1)
	case !known:
		b.catchingUp.Store(true) // the first fetch says more
	case b.since.IsZero():
		b.since, b.age = now, age
		b.catchingUp.Store(b.catchingUp.Load() || pause)
	case passed >= window:
		pace := 1 - (age-b.age).Seconds()/passed.Seconds()
		b.metrics.pace.Set(pace)
		b.catchingUp.Store(pace >= gaining || pace >= 1 && b.catchingUp.Load())
		b.since, b.age = now, age
	}
}

// oldest is how late the partition is that is furthest behind; false where a partition is
// behind by a time that is not known.
func (b *Backlog) oldest(now time.Time) (age time.Duration, known bool) {
	for _, newest := range b.newest {
		if newest.IsZero() {
			return 0, false
		}
		age = max(age, now.Sub(newest))
	}
	return age, true
}

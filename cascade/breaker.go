package cascade

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// failureThreshold is how many flows in a row the model may fail on, each asked
	// about alone, before the breaker opens. One timeout is enough.
	failureThreshold = 5
	// minOpen and maxOpen are how long the breaker stays open before a probe. The time
	// doubles with each failed probe, and each time that the breaker opens soon after
	// it closed.
	minOpen = time.Second
	maxOpen = 30 * time.Second
	// spareCalls is how many abandoned calls, besides one for each worker, may still
	// be running when a probe begins. Each holds a thread, and perhaps a core: if they
	// never return, only a restart brings the model back.
	spareCalls = 2
)

// state is that of a circuit breaker. The values are those of its metric.
type state int

const (
	closed   state = iota // the model is called
	halfOpen              // flows are rejected, and a probe is under way
	open                  // flows are rejected until the next probe
)

// breaker is a circuit breaker that keeps flows away from a model that hangs or fails.
// While it is not closed, the model is called only with copies of flows that have their
// label already, or that wait anyway. So no label ever waits for a probe.
type breaker struct {
	maxAbandoned int         // abandoned calls that may be running when a probe begins
	rejecting    atomic.Bool // true unless closed

	mu        sync.Mutex
	state     state
	failures  int           // flows in a row that the model failed on
	openFor   time.Duration // from the last opening or failed probe to the next probe
	since     time.Time     // when it last opened or closed
	nextProbe time.Time
	abandoned int       // abandoned calls that are still running
	sample    []float32 // the row that the next probe asks about; empty if there is none yet
}

// succeeded records that the model answered a flow.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

// failed records that the model failed on one flow. If that opens the breaker, it gives
// the time until the first probe, else 0.
func (b *breaker) failed(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures++; b.failures < failureThreshold {
		return 0
	}
	return b.trip(now)
}

// timedOut records that the model gave no answer in time. If that opens the breaker, it
// gives the time until the first probe, else 0.
func (b *breaker) timedOut(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trip(now)
}

// trip opens a breaker that is closed. The caller holds the lock.
func (b *breaker) trip(now time.Time) time.Duration {
	if b.state != closed {
		return 0
	}
	if now.Sub(b.since) > maxOpen { // also if it has never been open
		b.openFor = minOpen
	} else {
		b.openFor = min(2*b.openFor, maxOpen)
	}
	b.state, b.since, b.nextProbe = open, now, now.Add(b.openFor)
	b.sample = b.sample[:0]
	b.rejecting.Store(true)
	return b.openFor
}

// addAbandoned adds n to the number of abandoned calls that are still running.
func (b *breaker) addAbandoned(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned += n
}

// keepSample keeps the row of a rejected flow for the next probe.
func (b *breaker) keepSample(row []float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sample = append(b.sample[:0], row...)
}

// untilProbe is how long a worker waits before it tries to begin a probe.
func (b *breaker) untilProbe(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return min(b.nextProbe.Sub(now), minOpen)
}

// beginProbe gives the row to ask about: the sample, or otherwise if no flow has come. It
// gives nil, and puts the probe off, while another one is under way, too many abandoned
// calls are still running, or there is nothing to ask about.
func (b *breaker) beginProbe(now time.Time, otherwise []float32) []float32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.nextProbe) {
		return nil
	}
	b.nextProbe = now.Add(minOpen)
	row := b.sample
	if len(row) == 0 {
		row = otherwise
	}
	if b.state != open || b.abandoned > b.maxAbandoned || len(row) == 0 {
		return nil
	}
	row = append([]float32(nil), row...)
	b.state, b.sample = halfOpen, b.sample[:0]
	return row
}

// endProbe closes the breaker if the model has answered, and opens it for longer if not.
// It gives how long the breaker has not been closed.
func (b *breaker) endProbe(now time.Time, answered bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	rejected := now.Sub(b.since)
	if answered {
		b.state, b.since, b.failures = closed, now, 0
		b.rejecting.Store(false)
		return rejected
	}
	b.openFor = min(2*b.openFor, maxOpen)
	b.state, b.nextProbe = open, now.Add(b.openFor)
	return rejected
}

// snapshot gives the state, and how many abandoned calls are still running.
func (b *breaker) snapshot() (state, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.abandoned
}

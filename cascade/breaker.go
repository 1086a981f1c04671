package cascade

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// inARow is how many flows in a row the slow model may fail on, each asked
	// alone, before it counts as sick. One hang is enough.
	inARow = 5
	// briefest and longest are how long a sick model is left alone: longer each
	// time that it is sick again soon after.
	briefest = time.Second
	longest  = 30 * time.Second
	// spare is how many calls that were given up, besides one a worker, may be under
	// way when a probe begins. Each holds a thread, and perhaps a core: if they never
	// return, only a restart brings the model back.
	spare = 2
)

// state is that of a breaker, as its metric shows it.
type state int

const (
	closed   state = iota // the model is asked
	halfOpen              // it is sick, and a probe is under way
	opened                // it is sick, and left alone until the next probe
)

// breaker keeps flows away from a slow model that is sick. While it is not closed,
// the model is asked about nothing but copies of flows that have their label
// already, or wait anyway: so no label ever waits for a probe.
type breaker struct {
	limit int // calls given up that may be under way when a probe begins: workers + spare
	// away is true while flows are to be kept away.
	away atomic.Bool

	mu     sync.Mutex
	state  state
	failed int           // flows in a row that the model failed on
	pause  time.Duration // how long it was or will be left alone
	since  time.Time     // when it opened or closed
	next   time.Time     // when the next probe is due
	lost   int           // calls given up that have not returned
	sample []float32     // the row that the next probe asks about; empty: none yet
}

// answered notes that the model answered a flow.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
}

// failure notes that the model failed on one flow. Where that opens the breaker it
// gives for how long, else 0.
func (b *breaker) failure(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed++; b.failed < inARow {
		return 0
	}
	return b.open(now)
}

// hang notes that the model gave no answer in time, likewise.
func (b *breaker) hang(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open(now)
}

func (b *breaker) open(now time.Time) time.Duration {
	if b.state != closed {
		return 0
	}
	if b.pause == 0 || now.Sub(b.since) > longest {
		b.pause = briefest
	} else {
		b.pause = min(2*b.pause, longest)
	}
	b.state, b.since, b.next, b.failed = opened, now, now.Add(b.pause), 0
	b.sample = b.sample[:0]
	b.away.Store(true)
	return b.pause
}

// lose notes that a call is given up, returned that such a call is over.
func (b *breaker) lose()     { b.count(1) }
func (b *breaker) returned() { b.count(-1) }

func (b *breaker) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost += n
}

// offer keeps the row of a flow that the model was not asked about, for the next probe.
func (b *breaker) offer(row []float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sample = append(b.sample[:0], row...)
}

// rest is how long it is until the breaker is to be looked at again.
func (b *breaker) rest(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return min(b.next.Sub(now), briefest)
}

// probe gives the row to ask about, and begins the probe; spare is asked about where
// no flow has come. It gives nil, and puts the probe off, while another one is under
// way, too many calls have not returned, or there is nothing to ask about.
func (b *breaker) probe(now time.Time, spare []float32) []float32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.next) {
		return nil
	}
	b.next = now.Add(briefest)
	row := b.sample
	if len(row) == 0 {
		row = spare
	}
	if b.state != opened || b.lost > b.limit || len(row) == 0 {
		return nil
	}
	row = append([]float32(nil), row...)
	b.state, b.sample = halfOpen, b.sample[:0]
	return row
}

// judge ends the probe: a model that answered is asked again from now on, another
// one left alone for longer. It gives how long the breaker has been open.
func (b *breaker) judge(now time.Time, well bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	been := now.Sub(b.since)
	if well {
		b.state, b.since, b.failed = closed, now, 0
		b.away.Store(false)
		return been
	}
	b.pause = min(2*b.pause, longest)
	b.state, b.next = opened, now.Add(b.pause)
	return been
}

// look gives the state, and how many calls that were given up have not returned.
func (b *breaker) look() (state, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.lost
}

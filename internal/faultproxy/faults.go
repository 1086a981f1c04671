package faultproxy

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Produce is the API key of produce requests.
const Produce = 0

// Faults is what a proxy does to the bytes that it forwards. The zero value does
// nothing to them.
type Faults struct {
	Delay  time.Duration // each way
	Jitter time.Duration // the delay varies by as much, up and down
	Rate   int           // bytes a second each way, over all connections; 0: no limit

	// SwallowUp and SwallowDown lose what goes to the broker, or what comes from
	// it; both make a black hole, which takes connections and answers nothing. A
	// connection that has lost bytes stays dead when the fault is over, as one does
	// that a firewall has forgotten.
	SwallowUp, SwallowDown bool

	// Keys are the API keys of requests that do not reach the broker: they are
	// lost, or reset their connection where Reset says so.
	Keys  []int
	Reset bool
}

// BlackHole loses everything, both ways.
func BlackHole() Faults { return Faults{SwallowUp: true, SwallowDown: true} }

// refuses reports whether requests of an API key do not reach the broker.
func (f *Faults) refuses(key int) bool { return slices.Contains(f.Keys, key) }

// wait is how long a chunk is held up.
func (f *Faults) wait() time.Duration {
	if f.Jitter == 0 {
		return f.Delay
	}
	return max(0, f.Delay+time.Duration(rand.Int64N(int64(2*f.Jitter)))-f.Jitter)
}

// meter spaces out the bytes of one direction over all connections.
type meter struct {
	mu   sync.Mutex
	free time.Time // when the link is free again
}

// through gives when n bytes are through that come to the link at a time.
func (m *meter) through(at time.Time, n, rate int) time.Time {
	if rate == 0 {
		return at
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.free.Before(at) {
		m.free = at
	}
	m.free = m.free.Add(time.Duration(n) * time.Second / time.Duration(rate))
	return m.free
}

package faultproxy

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Produce is the API key of produce requests.
const Produce = 0

// Faults are the faults of a network. The zero value has none.
type Faults struct {
	Delay  time.Duration // each way
	Jitter time.Duration // the largest change of Delay, up or down
	Rate   int           // bytes per second each way, over all connections; 0: no limit

	// DropRequests loses the bytes that go to the broker, DropResponses those that come
	// from it. With both, the broker accepts connections and answers nothing. A
	// connection that has lost bytes stays dead after the fault, like one that a
	// firewall no longer knows.
	DropRequests, DropResponses bool

	// Keys are the API keys of requests that do not reach the broker. Such a request is
	// lost; with Reset, its connection is reset.
	Keys  []int
	Reset bool
}

// BlackHole returns the faults that lose every byte in both directions.
func BlackHole() Faults { return Faults{DropRequests: true, DropResponses: true} }

// drops reports whether a request with an API key does not reach the broker.
func (f *Faults) drops(key int) bool { return slices.Contains(f.Keys, key) }

// delay returns the delay of one chunk.
func (f *Faults) delay() time.Duration {
	if f.Jitter == 0 {
		return f.Delay
	}
	return max(0, f.Delay+time.Duration(rand.Int64N(int64(2*f.Jitter)))-f.Jitter)
}

// rateLimiter limits the rate of one direction, over all connections.
type rateLimiter struct {
	mu   sync.Mutex
	free time.Time // when the link has sent all earlier bytes
}

// arrival returns the time at which n bytes have passed the link that reach it at the
// time at. rate is in bytes per second; 0: no limit.
func (m *rateLimiter) arrival(at time.Time, n, rate int) time.Time {
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

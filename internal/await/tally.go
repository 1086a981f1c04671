package await

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// Tally is a delivery.Acker that counts what is acknowledged, from any goroutine.
type Tally struct{ n atomic.Int64 }

// Ack counts one.
func (a *Tally) Ack() { a.n.Add(1) }

// Count returns how many were acknowledged.
func (a *Tally) Count() int64 { return a.n.Load() }

// Await waits for want acknowledgements.
func (a *Tally) Await(t testing.TB, want int64) {
	t.Helper()
	Until(t, fmt.Sprint(want, " acknowledgements"), func() bool { return a.n.Load() >= want }, func() any { return a.n.Load() })
}

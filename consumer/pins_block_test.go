package consumer

import (
	"math/rand"
	"runtime"
	"testing"

	"github.com/serveflow/serveflow/consumer/flow"
)

// Pins of many blocks, let go of in any order, with offsets that leap.
func TestPinsOfManyBlocks(t *testing.T) {
	p, rng := &pins{}, rand.New(rand.NewSource(1))
	held := map[int64]flow.Acker{}
	lowest := func() int64 {
		least := p.next
		for offset := range held {
			least = min(least, offset)
		}
		return least
	}
	for i := range 3000 {
		p.next += 1 + rng.Int63n(3)
		if i%1000 == 999 {
			p.next += 3 << 32 // a topic whose older records were deleted
		}
		held[p.next-1] = p.take()
		for offset, pin := range held {
			if rng.Intn(3) == 0 {
				pin.Ack()
				delete(held, offset)
			}
			break
		}
		if i%100 == 0 && (p.low() != lowest() || p.unacked() != len(held)) {
			t.Fatalf("after %d: low %d, want %d; %d unacked, want %d", i, p.low(), lowest(), p.unacked(), len(held))
		}
	}
	for _, pin := range held {
		pin.Ack()
	}
	if p.low() != p.next || p.unacked() != 0 || len(p.held) != 0 {
		t.Errorf("all let go: low %d of %d, %d blocks", p.low(), p.next, len(p.held))
	}
}

// One pin that is never let go of keeps those behind it: they must be as small as
// the memory's division takes them for.
func TestPinsAreAsSmallAsPromised(t *testing.T) {
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const n = 2_000_000
	before, p := live(), &pins{}
	for i := range n {
		p.next++
		if pin := p.take(); i > 0 {
			pin.Ack()
		}
		if i%1000 == 0 {
			p.low()
		}
	}
	if each := float64(live()-before) / n; each > pinBytes {
		t.Errorf("a pin takes %.1f bytes, counted are %d", each, pinBytes)
	}
	if p.low() != 0 {
		t.Errorf("the first is held and the watermark is %d", p.low())
	}
}

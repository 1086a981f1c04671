package offset

import (
	"math/rand"
	"runtime"
	"testing"

	"github.com/serveflow/serveflow/internal/delivery"
)

// Entries of many blocks are acknowledged in any order, and offsets may jump.
func TestManyBlocks(t *testing.T) {
	f, rng := NewInFlight(0), rand.New(rand.NewSource(1))
	held := map[int64]delivery.Acker{}
	lowest := func() int64 {
		least := f.Next()
		for offset := range held {
			least = min(least, offset)
		}
		return least
	}
	for i := range 3000 {
		offset := f.Next() + rng.Int63n(3)
		if i%1000 == 999 {
			offset += 3 << 32 // a topic whose older records were deleted
		}
		held[offset] = f.Pin(offset)
		f.Advance(offset + 1)
		for offset, acker := range held {
			if rng.Intn(3) == 0 {
				acker.Ack()
				delete(held, offset)
			}
			break
		}
		if i%100 == 0 && (f.Low() != lowest() || f.Unacknowledged() != len(held)) {
			t.Fatalf("after %d: low %d, want %d; %d unacknowledged, want %d", i, f.Low(), lowest(), f.Unacknowledged(), len(held))
		}
	}
	for _, acker := range held {
		acker.Ack()
	}
	if f.Low() != f.Next() || f.Unacknowledged() != 0 || len(f.blocks) != 0 {
		t.Errorf("all acknowledged: low %d of %d, %d blocks", f.Low(), f.Next(), len(f.blocks))
	}
}

// An offset further from a block's first one than an entry can count begins a block.
func TestOffsetsFarApart(t *testing.T) {
	for _, far := range []int64{1<<32 - 1, 1 << 32, 1<<32 + 1, 1 << 40} {
		f := NewInFlight(0)
		first := f.Pin(7)
		f.Pin(7 + far)
		f.Advance(8 + far)
		first.Ack()
		if f.Low() != 7+far {
			t.Errorf("low %d, want %d", f.Low(), 7+far)
		}
	}
}

// One offset that is never acknowledged keeps the entries behind it: they must be as
// small as the memory budget assumes.
func TestEntriesAreAsSmallAsPromised(t *testing.T) {
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const n = 2_000_000
	before, f := live(), NewInFlight(0)
	for i := range int64(n) {
		if acker := f.Pin(i); i > 0 {
			acker.Ack()
		}
		f.Advance(i + 1)
		if i%1000 == 0 {
			f.Low()
		}
	}
	if each := float64(live()-before) / n; each > EntryBytes {
		t.Errorf("an entry takes %.1f bytes, the budget counts %d", each, EntryBytes)
	}
	if f.Low() != 0 {
		t.Errorf("the first is held and the low watermark is %d", f.Low())
	}
}

// The limit holds the input back; as blocks are counted, one block more may be held.
func TestLimit(t *testing.T) {
	const limit = LeastLimit
	f := NewInFlight(limit)
	var first delivery.Acker
	n := int64(0)
	for ; !f.Full(); n++ {
		acker := f.Pin(n)
		if n == 0 {
			first = acker
		} else {
			acker.Ack()
		}
		f.Advance(n + 1)
		f.Low()
	}
	if n <= limit || n > limit+2*blockEntries {
		t.Errorf("full with %d held, the limit is %d", n, limit)
	}
	first.Ack()
	if f.Low(); f.Full() {
		t.Error("still full when all are acknowledged")
	}
	if unlimited := NewInFlight(0); unlimited.Full() {
		t.Error("full without a limit")
	}
}

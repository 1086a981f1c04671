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
	if f.Low() != f.Next() || f.Unacknowledged() != 0 || f.blocks != nil {
		t.Errorf("all acknowledged: low %d of %d, %d blocks", f.Low(), f.Next(), len(f.blocks))
	}
}

// An offset further from a block's first one than an entry can count begins a block.
func TestOffsetsFarApart(t *testing.T) {
	for far, blocks := range map[int64]int{1<<32 - 1: 1, 1 << 32: 2, 1<<32 + 1: 2, 1 << 40: 2} {
		const low = 5 << 32
		f := NewInFlight(0)
		first := f.Pin(low)
		f.Pin(low + far)
		f.Advance(low + far + 1)
		if len(f.blocks) != blocks {
			t.Errorf("%d blocks of entries that are %d apart, want %d", len(f.blocks), far, blocks)
		}
		first.Ack()
		if f.Low() != low+far {
			t.Errorf("low %d, want %d", f.Low(), low+far)
		}
	}
}

// One offset that is never acknowledged keeps the entries behind it: they must be as
// small as the memory budget assumes.
func TestEntriesAreAsSmallAsPromised(t *testing.T) {
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
	if each := float64(live()-before) / n; each > EntryBytes || each < EntryBytes-1 {
		t.Errorf("an entry takes %.1f bytes, the budget counts %d", each, EntryBytes)
	}
	if f.Low() != 0 {
		t.Errorf("the first is held and the low watermark is %d", f.Low())
	}
}

// Entries that are acknowledged free their memory, though one behind them is not.
func TestMemoryIsFreed(t *testing.T) {
	const n = 1_000_000
	before, f := live(), NewInFlight(0)
	var all []delivery.Acker
	for i := range int64(n) {
		all = append(all, f.Pin(i))
		f.Advance(i + 1)
	}
	for _, acker := range all[:n-1] {
		acker.Ack()
	}
	if f.Low() != n-1 {
		t.Errorf("low %d, want %d", f.Low(), n-1)
	}
	if left := live() - before; left > n*EntryBytes/10 {
		t.Errorf("one entry of %d is held, and %d bytes", n, left)
	}
	runtime.KeepAlive(f)
}

// live is how many bytes the heap holds.
func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// The limit holds the input back. Blocks are counted, and the first and the last may hold
// few entries, so more than the limit may be held before that.
func TestLimit(t *testing.T) {
	for limit, most := range map[int]int64{1: 254, 252: 254, 253: 507, LeastLimit: 760} {
		f := NewInFlight(limit)
		var first delivery.Acker
		n := int64(0)
		for ; !f.Full() && n < 2*most; n++ {
			acker := f.Pin(n)
			if n == 0 {
				first = acker
			} else {
				acker.Ack()
			}
			f.Advance(n + 1)
			f.Low()
		}
		if n != most {
			t.Errorf("full with %d held, want %d where the limit is %d", n, most, limit)
		}
		first.Ack()
		if f.Low(); f.Full() {
			t.Error("still full when all are acknowledged")
		}
	}
	unlimited := NewInFlight(0)
	for offset := range int64(1000) {
		if unlimited.Pin(offset); unlimited.Full() {
			t.Fatalf("full with %d held, without a limit", offset+1)
		}
	}
}

package ship

import (
	"testing"

	"golang.org/x/sync/semaphore"
)

// Only the offset below the lowest unacknowledged line may be committed, in whatever order the
// acknowledgements come. The budget gets its bytes back.
func TestCommittableOffset(t *testing.T) {
	const budget = 100
	sem := semaphore.NewWeighted(budget)
	var f inFlightLines
	expect := func(when string, offset, header int64, settled bool) {
		t.Helper()
		if o, h, s := f.committable(); o != offset || h != header || s != settled {
			t.Errorf("%s: offset %d, header %d, settled %v, want %d, %d, %v", when, o, h, s, offset, header, settled)
		}
	}
	add := func(offset, next, bytes int64) *inFlightLine {
		t.Helper()
		if !sem.TryAcquire(bytes) {
			t.Fatal("no budget")
		}
		return f.add(line{offset: offset, next: next}, bytes, sem)
	}
	expect("at first", 0, 0, true)
	f.skip(line{offset: 0, next: 10}, true)
	expect("a header", 10, 0, true)
	first, second := add(10, 20, 40), add(20, 30, 60)
	expect("two lines", 10, 0, false)
	second.Ack()
	expect("the second acknowledged", 10, 0, false)
	f.skip(line{offset: 30, next: 40}, true)
	third := add(40, 50, 60)
	first.Ack()
	expect("the first too", 40, 30, false)
	third.Ack()
	expect("all", 50, 30, true)
	if !sem.TryAcquire(budget) {
		t.Error("the budget is not whole again")
	}
}

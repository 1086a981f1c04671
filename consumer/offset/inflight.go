package offset

import (
	"math"
	"sync/atomic"

	"github.com/serveflow/serveflow/internal/delivery"
)

// InFlight holds the offsets of one partition that are still needed: by a flow that is
// open, or by a label or dead letter that is not acknowledged. It is also the one place
// that says which record comes next.
//
// It is for the partition's goroutine alone; acknowledgements come from any.
//
// One flow that stays open keeps every entry behind it here, so entries are small and
// lie together by the hundred.
type InFlight struct {
	blocks []*block // in order of offset
	next   int64    // offset of the next record to take
	limit  int      // how many entries may be held; 0 is any number

	// What the checkpoint said that the partition was resumed at: below reach, no
	// record is needed but those in needed.
	reach  int64
	needed []int64 // in order; those below next are dropped
}

// block is some entries that follow one another.
type block struct {
	base    int64 // offsets count from here
	entries [blockEntries]entry
	used    int // entries taken
	done    int // entries at the front that are acknowledged
}

const (
	blockEntries = 253 // so that a block fills 2 KiB
	// EntryBytes is what one entry takes in memory, with its share of the block.
	EntryBytes = 9
	// LeastLimit is the least number of entries that a partition can work with.
	LeastLimit = 2 * blockEntries
)

// entry holds one offset until it is acknowledged.
type entry struct {
	offset uint32 // from the block's base
	acked  atomic.Bool
}

// Ack lets go of the offset.
func (e *entry) Ack() { e.acked.Store(true) }

// NewInFlight holds limit entries at most, 0 is any number.
func NewInFlight(limit int) *InFlight { return &InFlight{limit: limit} }

// Next is the offset of the next record to take.
func (f *InFlight) Next() int64 { return f.next }

// Advance says that every record below next is taken. It never goes back.
func (f *InFlight) Advance(next int64) {
	f.next = max(f.next, next)
	f.dropNeeded(f.next)
}

// Pin holds an offset until the Acker is told. Offsets are pinned in order.
func (f *InFlight) Pin(offset int64) delivery.Acker {
	last := len(f.blocks) - 1
	if last < 0 || f.blocks[last].used == blockEntries || offset-f.blocks[last].base > math.MaxUint32 {
		f.blocks = append(f.blocks, &block{base: offset})
		last++
	}
	b := f.blocks[last]
	e := &b.entries[b.used]
	e.offset = uint32(offset - b.base)
	b.used++
	return e
}

// Needs reports whether the record at an offset, the next one to come, is needed.
// Those that are not were finished before the partition was resumed.
func (f *InFlight) Needs(offset int64) bool {
	f.dropNeeded(offset)
	return offset >= f.reach || len(f.needed) > 0 && f.needed[0] == offset
}

func (f *InFlight) dropNeeded(below int64) {
	for len(f.needed) > 0 && f.needed[0] < below {
		f.needed = f.needed[1:]
	}
}

// Lost is how many needed records lie below first, where the log begins now.
func (f *InFlight) Lost(first int64) int64 {
	n := max(0, first-max(f.next, f.reach))
	for _, offset := range f.needed {
		if offset < first {
			n++
		}
	}
	return n
}

// Low is the low watermark: the offset below which nothing is needed any more.
func (f *InFlight) Low() int64 {
	for len(f.blocks) > 0 {
		b := f.blocks[0]
		for b.done < b.used && b.entries[b.done].acked.Load() {
			b.done++
		}
		if b.done < b.used {
			return b.base + int64(b.entries[b.done].offset)
		}
		f.blocks[0] = nil
		f.blocks = f.blocks[1:]
	}
	f.blocks = nil // frees the array that the slice has moved along
	return f.next
}

// Full reports whether no further record may be taken for now. The first block and the
// last may hold few entries, so the two count as one.
func (f *InFlight) Full() bool {
	return f.limit > 0 && (len(f.blocks)-1)*blockEntries > f.limit
}

// Unacknowledged counts the offsets that are held.
func (f *InFlight) Unacknowledged() int {
	n := 0
	f.eachHeld(func(int64) bool { n++; return true })
	return n
}

// each gives the offsets that are needed, in order, until do reports false.
func (f *InFlight) each(do func(offset int64) bool) {
	if !f.eachHeld(do) {
		return
	}
	for _, offset := range f.needed {
		if !do(offset) {
			return
		}
	}
}

// eachHeld gives the offsets that are held, in order; false where do had enough.
func (f *InFlight) eachHeld(do func(offset int64) bool) bool {
	for _, b := range f.blocks {
		for i := b.done; i < b.used; i++ {
			if e := &b.entries[i]; !e.acked.Load() && !do(b.base+int64(e.offset)) {
				return false
			}
		}
	}
	return true
}

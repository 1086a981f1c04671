package consumer

import (
	"math"
	"sync/atomic"

	"github.com/serveflow/serveflow/flow"
)

// pins hold a partition's low watermark: the lowest offset that an unfinished
// flow or an unacknowledged label still needs. Only the partition's goroutine
// uses it; acknowledgements come from any.
//
// One flow that stays open keeps all pins behind it here, so they are small, and
// lie together by the hundred.
type pins struct {
	held []*pinBlock // in order of offset
	next int64       // offset of the next record to take
	most int         // how many may be held; 0 is any number

	// Of the place that the partition was resumed at: below reach, no record is
	// needed but those that lie ahead.
	reach int64
	ahead []int64
}

// pinBlock is some pins that follow one another.
type pinBlock struct {
	base int64 // offsets count from here
	pins [pinsABlock]pin
	used int // pins taken
	done int // pins at the front that are acknowledged
}

const (
	pinsABlock = 253 // so that a block, with the rest, fills 2 KiB
	// pinBytes is what a pin takes, its share of the block and of the array included.
	pinBytes = 9
)

// pin holds one offset until it is acknowledged.
type pin struct {
	offset uint32 // from the block's base
	acked  atomic.Bool
}

// Ack lets go of the offset.
func (p *pin) Ack() { p.acked.Store(true) }

// take pins the record being taken, the one before next.
func (p *pins) take() flow.Acker {
	offset, last := p.next-1, len(p.held)-1
	if last < 0 || p.held[last].used == pinsABlock || offset-p.held[last].base > math.MaxUint32 {
		p.held = append(p.held, &pinBlock{base: offset})
		last++
	}
	b := p.held[last]
	held := &b.pins[b.used]
	held.offset = uint32(offset - b.base)
	b.used++
	return held
}

// needed tells whether an offset, the next one to come, is needed. Those that are
// not were done with before the partition was resumed.
func (p *pins) needed(offset int64) bool {
	p.pass(offset)
	if offset >= p.reach {
		return true
	}
	if len(p.ahead) == 0 || p.ahead[0] != offset {
		return false
	}
	p.ahead = p.ahead[1:]
	return true
}

// skip goes on at an offset, because all records below it were deleted.
func (p *pins) skip(first int64) {
	p.next = first
	p.pass(first)
}

func (p *pins) pass(offset int64) {
	for len(p.ahead) > 0 && p.ahead[0] < offset {
		p.ahead = p.ahead[1:]
	}
}

// lost is how many needed records lie below an offset that has become the log's
// first, where next is the one that was wanted.
func (p *pins) lost(next, first int64) int64 {
	n := max(0, first-max(next, p.reach))
	for _, offset := range p.ahead {
		if offset < first {
			n++
		}
	}
	return n
}

// low is the offset up to which nothing is needed any more.
func (p *pins) low() int64 {
	for len(p.held) > 0 {
		b := p.held[0]
		for b.done < b.used && b.pins[b.done].acked.Load() {
			b.done++
		}
		if b.done < b.used {
			return b.base + int64(b.pins[b.done].offset)
		}
		p.held[0] = nil
		p.held = p.held[1:]
	}
	p.held = nil // lets go of the array that the blocks have walked along
	return p.next
}

// full tells whether no more pins may be taken for now. The first block and the last
// may have few, so they do not count for two.
func (p *pins) full() bool {
	return p.most > 0 && (len(p.held)-1)*pinsABlock > p.most
}

// each gives the offsets that are needed, in order, until do has enough.
func (p *pins) each(do func(offset int64) bool) {
	for _, b := range p.held {
		for i := b.done; i < b.used; i++ {
			if !b.pins[i].acked.Load() && !do(b.base+int64(b.pins[i].offset)) {
				return
			}
		}
	}
	for _, offset := range p.ahead {
		if !do(offset) {
			return
		}
	}
}

// unacked counts the offsets that are still held.
func (p *pins) unacked() int {
	n := 0
	for _, b := range p.held {
		for i := b.done; i < b.used; i++ {
			if !b.pins[i].acked.Load() {
				n++
			}
		}
	}
	return n
}

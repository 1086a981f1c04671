package consumer

import (
	"sync/atomic"

	"github.com/serveflow/serveflow/consumer/flow"
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
	// reach is how far a block's offsets go.
	reach = 1<<32 - 1
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
	if last < 0 || p.held[last].used == pinsABlock || offset-p.held[last].base > reach {
		p.held = append(p.held, &pinBlock{base: offset})
		last++
	}
	b := p.held[last]
	held := &b.pins[b.used]
	held.offset = uint32(offset - b.base)
	b.used++
	return held
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

package consumer

import (
	"sync/atomic"

	"github.com/serveflow/serveflow/consumer/flow"
)

// pins hold a partition's low watermark: the lowest offset that an unfinished
// flow or an unacknowledged label still needs. Only the partition's goroutine
// uses it; acknowledgements come from any.
type pins struct {
	held []*pin // in order of offset
	next int64  // offset of the next record to take

	// Of the place that the partition was resumed at: below reach, no record is
	// needed but those that lie ahead.
	reach int64
	ahead []int64
}

// pin holds one offset until it is acknowledged.
type pin struct {
	offset int64
	acked  atomic.Bool
}

// Ack lets go of the offset.
func (p *pin) Ack() { p.acked.Store(true) }

// take pins the record being taken, the one before next.
func (p *pins) take() flow.Acker {
	held := &pin{offset: p.next - 1}
	p.held = append(p.held, held)
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
	n := 0
	for n < len(p.held) && p.held[n].acked.Load() {
		p.held[n] = nil
		n++
	}
	p.held = p.held[n:]
	if len(p.held) == 0 {
		p.held = nil // lets go of the array that the pins have walked along
		return p.next
	}
	return p.held[0].offset
}

// each gives the offsets that are needed, in order, until do has enough.
func (p *pins) each(do func(offset int64) bool) {
	for _, held := range p.held {
		if !held.acked.Load() && !do(held.offset) {
			return
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
	for _, held := range p.held {
		if !held.acked.Load() {
			n++
		}
	}
	return n
}

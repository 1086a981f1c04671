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

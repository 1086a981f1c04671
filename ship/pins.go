package ship

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// pins hold how far a file is written for good: the offset of its lowest line
// that is not acknowledged. Lines are taken in order by one goroutine,
// acknowledged by another, and looked up by a third.
type pins struct {
	mu     sync.Mutex
	held   []*pin // in order of offset
	next   int64  // offset behind the last line taken
	header int64  // offset of the TSV header in force there
}

// pin holds one line until it is acknowledged.
type pin struct {
	offset, header int64
	weight         int64
	room           *semaphore.Weighted
	acked          atomic.Bool
}

// Ack lets go of the line, and of the memory that it was given.
func (p *pin) Ack() {
	p.acked.Store(true)
	p.room.Release(p.weight)
}

// take pins a line.
func (p *pins) take(l line, weight int64, room *semaphore.Weighted) *pin {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := &pin{offset: l.offset, header: p.header, weight: weight, room: room}
	p.held, p.next = append(p.held, held), l.next
	return held
}

// pass goes over a line that needs no acknowledgement; begins tells that a TSV
// header begins with it.
func (p *pins) pass(l line, begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next = l.next; begins {
		p.header = l.offset
	}
}

// low is the offset below which everything is written, and the offset of the TSV
// header that is in force there. settled tells that nothing is held.
func (p *pins) low() (offset, header int64, settled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.held) && p.held[n].acked.Load() {
		p.held[n] = nil
		n++
	}
	if p.held = p.held[n:]; len(p.held) == 0 {
		p.held = nil // lets go of the array that the pins have walked along
		return p.next, p.header, true
	}
	return p.held[0].offset, p.held[0].header, false
}

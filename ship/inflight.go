package ship

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// inFlightLines holds a file's lines that are not acknowledged yet. It gives the offset that may
// be committed: the offset of the lowest of them. One goroutine adds lines in order, another
// acknowledges them, and a third asks for the offset.
type inFlightLines struct {
	mu     sync.Mutex
	lines  []*inFlightLine // in order of offset
	next   int64           // offset after the last line that was added
	header int64           // offset of the TSV header in force there
}

// inFlightLine is one line until it is acknowledged.
type inFlightLine struct {
	offset, header int64
	bytes          int64
	budget         *semaphore.Weighted
	acked          atomic.Bool
}

// Ack acknowledges the line and releases its bytes.
func (p *inFlightLine) Ack() {
	p.acked.Store(true)
	p.budget.Release(p.bytes)
}

// add adds a line and returns its acknowledger. The budget gets bytes back with Ack.
func (p *inFlightLines) add(l line, weight int64, room *semaphore.Weighted) *inFlightLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := &inFlightLine{offset: l.offset, header: p.header, bytes: weight, budget: room}
	p.lines, p.next = append(p.lines, held), l.next
	return held
}

// skip passes a line that needs no acknowledgement. begins: the line is the first of a TSV
// header.
func (p *inFlightLines) skip(l line, begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next = l.next; begins {
		p.header = l.offset
	}
}

// committable returns the offset below which every line is acknowledged, and the offset of the
// TSV header that is in force there. settled: no line is in flight.
func (p *inFlightLines) committable() (offset, header int64, settled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.lines) && p.lines[n].acked.Load() {
		p.lines[n] = nil
		n++
	}
	if p.lines = p.lines[n:]; len(p.lines) == 0 {
		p.lines = nil // frees the array, of which only the end was in use
		return p.next, p.header, true
	}
	return p.lines[0].offset, p.lines[0].header, false
}

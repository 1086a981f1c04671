package shadow

import "sync"

// room is how many answers may come while one waits for the other bundle's. At a share of
// 0.1 and 10,000 flows a second that is over a minute; it takes some 10 MB.
const room = 1 << 16

// Answer is a bundle's final label for a flow.
type Answer struct {
	Label   string
	Classes int // that the bundle has
}

// Pairs finds the two answers for each flow of a share. It is safe for concurrent use.
type Pairs struct {
	share   Share
	metrics *Metrics

	mu      sync.Mutex
	waiting map[string]half // by uid
	ring    []string        // the uids of the last halves, the oldest one next to be overwritten
	came    int             // halves so far
}

// half is an answer that waits for the other bundle's.
type half struct {
	answer   Answer
	byShadow bool
	number   int // of the half, as they came
}

// NewPairs builds pairs of the flows in a share.
func NewPairs(share Share, m *Metrics) *Pairs {
	return &Pairs{share: share, metrics: m, waiting: map[string]half{}, ring: make([]string, room)}
}

// Main takes the main bundle's answer for any flow.
func (p *Pairs) Main(uid string, a Answer) {
	if !p.share.Has(uid) {
		return
	}
	if other, ok := p.match(uid, a, false); ok {
		p.metrics.pair(a, other)
	}
}

// Shadow takes the shadow's answer for a flow of its share.
func (p *Pairs) Shadow(uid string, a Answer) {
	if other, ok := p.match(uid, a, true); ok {
		p.metrics.pair(other, a)
	}
}

// match gives the other bundle's answer for the flow, if it has come. If not, this one waits for
// it, in place of an earlier one: a flow may be labelled again.
func (p *Pairs) match(uid string, a Answer, byShadow bool) (other Answer, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch h, there := p.waiting[uid]; {
	case there && h.byShadow != byShadow:
		delete(p.waiting, uid)
		return h.answer, true
	case there:
		h.answer = a
		p.waiting[uid] = h
		return Answer{}, false
	}
	place := p.came % len(p.ring)
	if oldest, waits := p.waiting[p.ring[place]]; waits && oldest.number == p.came-len(p.ring) {
		delete(p.waiting, p.ring[place])
		p.metrics.unpaired.Inc()
	}
	p.ring[place] = uid
	p.waiting[uid] = half{answer: a, byShadow: byShadow, number: p.came}
	p.came++
	return Answer{}, false
}

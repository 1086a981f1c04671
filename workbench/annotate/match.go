package annotate

import (
	"bytes"
	"cmp"
	"math"
	"net/netip"
	"slices"
	"sort"
	"time"
)

const (
	// rounding is how far times of the same packet may be apart: some programs write milliseconds.
	rounding = 1000 // microseconds

	// silence is how long a flow without an end record may go on after the last packet that is
	// known of it.
	silence = int64(2 * time.Minute / time.Microsecond)
)

// end is the latest time at which a packet of the flow may have come; next is when another flow
// with its ends begins.
func (f *flow) end(next int64) int64 {
	if f.over {
		return f.last
	}
	return max(f.last, min(f.last+silence, next))
}

// during finds the flows with these ends that overlap a span of time. Where none does, it is the
// one that is nearest, if no further away than slack. It is empty where there is none; the flag
// says whether there are flows with the ends at all.
func (t *Table) during(dst []uint32, e ends, first, last, slack int64) (found []uint32, any bool) {
	all := t.between(e)
	behind := sort.Search(len(all), func(i int) bool { return t.flows[all[i]].first > last+slack+rounding })
	nearest, distance, next := none, slack+1, int64(math.MaxInt64)
	for i := behind - 1; i >= 0; i-- {
		f := &t.flows[all[i]]
		end := f.end(next)
		switch apart := max(0, f.first-last, first-end); {
		case apart <= rounding:
			dst = append(dst, all[i])
		case apart < distance:
			nearest, distance = all[i], apart
		}
		if end < first-slack-rounding {
			break // flows with the same ends follow each other
		}
		next = f.first
	}
	if len(dst) == 0 && nearest != none {
		dst = append(dst, nearest)
	}
	return dst, len(all) > 0
}

// withUID finds the flow with a row's uid and sides; logs such as ssl.log do not name the
// protocol. The flag says whether there is one with the uid at all.
func (t *Table) withUID(dst []uint32, r *row) (found []uint32, any bool) {
	i, known := t.byUID[r.uid]
	for e := r.ends; known && i != none; i = t.flows[i].next {
		f := &t.flows[i]
		if e.proto = f.ends.proto; f.packets && (r.anyEnds || e == f.ends) {
			return append(dst, i), true
		}
	}
	return dst, known
}

// toward finds the flows from a client to a server that begin within a span of time.
func (t *Table) toward(dst []uint32, client, server netip.Addr, first, last int64) []uint32 {
	if t.pairs == nil {
		t.pairs = slices.Clone(t.order)
		slices.SortFunc(t.pairs, func(a, b uint32) int {
			x, y := &t.flows[a], &t.flows[b]
			return cmp.Or(comparePair(x, y.orig().Addr(), y.resp().Addr()), cmp.Compare(x.first, y.first))
		})
	}
	from := sort.Search(len(t.pairs), func(i int) bool {
		f := &t.flows[t.pairs[i]]
		return cmp.Or(comparePair(f, client, server), cmp.Compare(f.first, first)) >= 0
	})
	for ; from < len(t.pairs); from++ {
		f := &t.flows[t.pairs[from]]
		if comparePair(f, client, server) != 0 || f.first > last {
			break
		}
		dst = append(dst, t.pairs[from])
	}
	return dst
}

// comparePair compares the addresses of a flow's originator and responder with these.
func comparePair(f *flow, orig, resp netip.Addr) int {
	from, to := f.ends.low, f.ends.high
	if f.swapped {
		from, to = to, from
	}
	a, b := orig.As16(), resp.As16()
	return cmp.Or(bytes.Compare(from[:], a[:]), bytes.Compare(to[:], b[:]))
}

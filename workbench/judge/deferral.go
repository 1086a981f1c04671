package judge

import (
	"cmp"
	"math"
	"slices"
)

// Deferral is macro-F1 against the share of known flows that the first stage alone leaves to the
// last stage alone, by three orders: the bundle's measure of uncertainty, at random, and the
// oracle's, which first defers those that the first stage gets wrong and the last one right.
type Deferral struct {
	First  string  `json:"first"` // stage
	Last   string  `json:"last"`
	Points []Point `json:"points"`
	Gain   Figure  `json:"gain"`     // area above random, as a share of the oracle's
	At     Figure  `json:"deferred"` // where the bundle works: the share that the first stage leaves to any later one ...
	Here   Figure  `json:"macro_f1"` // ... and what the cascade then reaches
}

// Idle reports whether there is nothing to gain: no choice of flows does better than chance.
func (d *Deferral) Idle() bool {
	const alike = 5e-5
	for _, p := range d.Points {
		if p.Oracle.Value-p.Random.Value > alike {
			return false
		}
	}
	return true
}

// Point is one share of flows.
type Point struct {
	Share  float64 `json:"share"`
	Rule   Figure  `json:"rule"`
	Random Figure  `json:"random"`
	Oracle Figure  `json:"oracle"`
}

const steps = 40 // shares

// pair is a flow with what both stages call it. Flows of the same rank are deferred together.
type pair struct {
	unit, class, before, after int
	rank                       float64 // the largest first
	n                          int     // of the like
}

func (p pair) like(q pair) bool { p.n, q.n = 0, 0; return p == q }

// drawn is how many flows it stands for in a draw.
func (p pair) drawn(w weights) float64 { return float64(int(w[p.unit]) * p.n) }

// pairs are the known flows of a class in an order. rank gives 1 for the first.
func pairs(first, last *Sample, rank func(f, l *Case) float64) []pair {
	n := len(first.Classes)
	var all []pair
	for i := range first.known() {
		if f, l := &first.Cases[i], &last.Cases[i]; f.Class >= 0 {
			all = append(all, pair{f.unit, f.Class, called(f, n), called(l, n), rank(f, l), 1})
		}
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.unit, b.unit), cmp.Compare(a.class, b.class), cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
	})
	merged := all[:0]
	for _, p := range all {
		if k := len(merged) - 1; k >= 0 && merged[k].like(p) {
			merged[k].n++
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// deferral compares the first stage and the last, both alone, and marks the whole cascade.
func (d draws) deferral(whole, first, last *Sample, firstName, lastName string) *Deferral {
	right := func(c *Case) float64 {
		if c.Answered && c.Answer.Class == c.Class {
			return 1
		}
		return 0
	}
	orders := [3][]pair{
		pairs(first, last, func(f, _ *Case) float64 {
			if !f.Answered {
				return math.Inf(1)
			}
			return f.Answer.Uncertainty
		}),
		pairs(first, last, func(*Case, *Case) float64 { return 0 }),
		pairs(first, last, func(f, l *Case) float64 { return right(l) - right(f) }),
	}
	m, mixed := newConfusion(len(first.Classes)), newConfusion(len(first.Classes))
	n := steps + 1
	f := d.figures(3*n+1, func(w weights, out []float64) {
		var area [3]float64
		for k, order := range orders {
			curve := out[k*n : (k+1)*n]
			trace(order, w, m, mixed, curve)
			for i := 1; i < n; i++ {
				area[k] += (curve[i-1] + curve[i]) / 2 / steps
			}
		}
		out[3*n] = where(area[2] > area[1], ratio(area[0]-area[1], area[2]-area[1]))
	})
	out := &Deferral{First: firstName, Last: lastName, Gain: f[3*n]}
	for i := range n {
		out.Points = append(out.Points, Point{float64(i) / steps, f[i], f[n+i], f[2*n+i]})
	}
	c := whole.cells()
	here := d.figures(2, func(w weights, out []float64) {
		c.confusion(w, m)
		out[1] = m.macroF1()
		var left, total float64
		for i := range whole.known() {
			if of := &whole.Cases[i]; of.Class >= 0 {
				total += float64(w[of.unit])
				if of.Answered && of.Answer.Stage != firstName {
					left += float64(w[of.unit])
				}
			}
		}
		out[0] = ratio(left, total)
	})
	out.At, out.Here = here[0], here[1]
	return out
}

// trace writes the macro-F1 at each share. Of flows with the same rank, a part is deferred as by
// chance: each by the same fraction.
func trace(order []pair, w weights, m, mixed *confusion, out []float64) {
	m.clear()
	var total float64
	for _, p := range order {
		*m.cell(p.class, p.before) += p.drawn(w)
		total += p.drawn(w)
	}
	done, k := 0., 0
	for from := 0; from < len(order) || k < len(out); {
		to, group := from, 0.
		for ; to < len(order) && order[to].rank == order[from].rank; to++ {
			group += order[to].drawn(w)
		}
		for ; k < len(out) && (to == len(order) || float64(k)/steps*total <= done+group); k++ {
			part := min(1, ratio(max(0, float64(k)/steps*total-done), group))
			copy(mixed.n, m.n)
			mixed.move(order[from:to], w, part)
			out[k] = mixed.macroF1()
		}
		m.move(order[from:to], w, 1)
		done, from = done+group, to
	}
}

// move lets a part of each flow be called what the later stage calls it.
func (c *confusion) move(flows []pair, w weights, part float64) {
	for _, p := range flows {
		n := part * p.drawn(w)
		*c.cell(p.class, p.before) -= n
		*c.cell(p.class, p.after) += n
	}
}

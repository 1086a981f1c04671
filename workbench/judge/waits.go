package judge

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Soon is the wait that the paper counts, and that the first packet's answers keep to.
const Soon = 16 * time.Millisecond

// Waits are times from a flow's first packet to its label, in record time without computing,
// milliseconds, over the flows that have a label.
type Waits struct {
	Flows int    `json:"flows"`
	P50   Figure `json:"p50_ms"`
	P90   Figure `json:"p90_ms"`
	P99   Figure `json:"p99_ms"`
	Under Figure `json:"under_16ms"` // share below 16 ms
}

// Spread is how a class's waits are spread, milliseconds.
type Spread struct {
	Class string  `json:"class"`
	Flows int     `json:"flows"`
	P10   float64 `json:"p10_ms"`
	P25   float64 `json:"p25_ms"`
	P50   float64 `json:"p50_ms"`
	P75   float64 `json:"p75_ms"`
	P90   float64 `json:"p90_ms"`
	Under float64 `json:"under_16ms"`
}

// measured is a number of a flow, with its unit.
type measured struct {
	x    float64
	unit int
}

// sorted gives the numbers of the flows that have a label, ascending.
func sorted(cases []Case, of func(*Case) float64) []measured {
	var all []measured
	for i := range cases {
		if cases[i].Answered {
			all = append(all, measured{of(&cases[i]), cases[i].unit})
		}
	}
	slices.SortFunc(all, func(a, b measured) int { return cmp.Compare(a.x, b.x) })
	return all
}

// quantiles writes those of sorted numbers in a draw; NaN if no flow is in it. at ascends.
func quantiles(all []measured, w weights, at []float64, out []float64) {
	var total, sum float64
	for _, m := range all {
		total += float64(w[m.unit])
	}
	k := 0
	for _, m := range all {
		sum += float64(w[m.unit])
		for ; k < len(at) && sum > at[k]*total; k++ {
			out[k] = m.x
		}
	}
	for ; k < len(at); k++ {
		out[k] = math.NaN()
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// waits computes the waits of flows.
func (d draws) waits(cases []Case) Waits {
	all := sorted(cases, func(c *Case) float64 { return milliseconds(c.Answer.Wait) })
	soon, _ := slices.BinarySearchFunc(all, milliseconds(Soon), func(m measured, x float64) int { return cmp.Compare(m.x, x) })
	f := d.figures(4, func(w weights, out []float64) {
		quantiles(all, w, []float64{.5, .9, .99}, out[:3])
		var within, total float64
		for i, m := range all {
			if total += float64(w[m.unit]); i < soon {
				within += float64(w[m.unit])
			}
		}
		out[3] = where(total > 0, ratio(within, total))
	})
	return Waits{len(all), f[0], f[1], f[2], f[3]}
}

// spreads are the waits of each class's known flows.
func (d draws) spreads(s *Sample) []Spread {
	all := []Spread{}
	for class, name := range s.Classes {
		var of []Case
		for _, c := range s.known() {
			if c.Class == class && c.Answered {
				of = append(of, c)
			}
		}
		if len(of) == 0 {
			continue
		}
		waits := sorted(of, func(c *Case) float64 { return milliseconds(c.Answer.Wait) })
		var q [5]float64
		quantiles(waits, d[0], []float64{.1, .25, .5, .75, .9}, q[:])
		soon, _ := slices.BinarySearchFunc(waits, milliseconds(Soon), func(m measured, x float64) int { return cmp.Compare(m.x, x) })
		all = append(all, Spread{name, len(of), q[0], q[1], q[2], q[3], q[4], ratio(float64(soon), float64(len(of)))})
	}
	return all
}

// Compute is the time spent computing for a flow that has a label, microseconds.
type Compute struct {
	Mean Figure `json:"mean_us"`
	P50  Figure `json:"p50_us"`
	P99  Figure `json:"p99_us"`
}

// compute is that of all flows.
func (d draws) compute(cases []Case) Compute {
	all := sorted(cases, func(c *Case) float64 { return float64(c.Answer.Computed) / float64(time.Microsecond) })
	f := d.figures(3, func(w weights, out []float64) {
		quantiles(all, w, []float64{.5, .99}, out[1:])
		var sum, total float64
		for _, m := range all {
			sum, total = sum+float64(w[m.unit])*m.x, total+float64(w[m.unit])
		}
		out[0] = where(total > 0, ratio(sum, total))
	})
	return Compute{f[0], f[1], f[2]}
}

package judge

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	bootstrap = 200 // draws
	low, high = .05, .95
	seed      = 1
)

// FewCaptures is how many captures are too few for an interval to say much.
const FewCaptures = 8

// FewFlows is how many known flows of a class are too few for any figure to say much: where a few
// flows are all right, so is each draw of them, and the interval has no width.
const FewFlows = 200

// Figure is a number with the interval in which it lies in 90 of 100 bootstrap draws.
type Figure struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// units are what is drawn: captures of known flows, or where there is one capture the known flows
// themselves; and each flow that has no known label, which is of no known capture.
type units struct {
	known, others int
	byFlow        bool
}

func newUnits(captures, flows int) units {
	if captures < 2 {
		return units{known: flows, byFlow: true}
	}
	return units{known: captures}
}

// ofKnown is the unit of a known flow, by the places of the flow and of its capture.
func (u *units) ofKnown(flow, capture int) int {
	if u.byFlow {
		return flow
	}
	return capture
}

// ofOther is the unit of the next flow without a known label.
func (u *units) ofOther() int {
	u.others++
	return u.known + u.others - 1
}

// weights say how often each unit counts.
type weights []uint16

// draws are weights: all ones, and then those of each bootstrap draw.
type draws []weights

// newDraws draws units again, seeded. The known flows and the others are drawn apart, so that
// samples of the same known flows are drawn alike.
func newDraws(u units) draws {
	captures, flows := rand.New(rand.NewPCG(seed, 0)), rand.New(rand.NewPCG(seed, 1))
	all := make(draws, 1+bootstrap)
	for i := range all {
		w := make(weights, u.known+u.others)
		all[i] = w
		if i == 0 {
			for k := range w {
				w[k] = 1
			}
			continue
		}
		for range u.known {
			w[captures.IntN(u.known)]++
		}
		for range u.others {
			w[u.known+flows.IntN(u.others)]++
		}
	}
	return all
}

// figures computes n numbers in each draw. A number that a draw does not have is NaN.
func (d draws) figures(n int, compute func(w weights, out []float64)) []Figure {
	values := make([][]float64, len(d))
	for i := range d {
		values[i] = make([]float64, n)
		compute(d[i], values[i])
	}
	all := make([]Figure, n)
	column := make([]float64, 0, len(d))
	for k := range all {
		column = column[:0]
		for i := 1; i < len(d); i++ {
			if x := values[i][k]; !math.IsNaN(x) {
				column = append(column, x)
			}
		}
		all[k] = interval(values[0][k], column)
	}
	return all
}

// interval makes a figure of its value and of those of the draws. Without one, it is a point.
func interval(value float64, drawn []float64) Figure {
	if math.IsNaN(value) {
		return Figure{}
	}
	if len(drawn) == 0 {
		return Figure{Value: value, Low: value, High: value}
	}
	slices.Sort(drawn)
	at := func(q float64) float64 { return drawn[int(math.Round(q*float64(len(drawn)-1)))] }
	return Figure{Value: value, Low: at(low), High: at(high)}
}

// ratio is a/b; 0 where both are 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Interval makes a figure of what draws gave: its value is the median.
func Interval(drawn []float64) Figure {
	f := interval(0, drawn)
	if n := len(drawn); n > 0 {
		f.Value = drawn[n/2] // interval has sorted them
	}
	return f
}

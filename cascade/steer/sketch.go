package steer

import (
	"math"
	"sync/atomic"
	"time"
)

// buckets is how many parts of equal width a Sketch divides uncertainty from 0 to 1 into.
// Bucket i has what lies above i/buckets and not above (i+1)/buckets.
const buckets = 512

// halfLife is the time after which what a Sketch has seen counts half. Longer, and a crowd of
// like flows, such as a scan, moves the cut when it is over; under a load that needs
// steering a second has flows enough.
const halfLife = time.Second

// Sketch is a histogram of uncertainty that forgets what is old. Any goroutine may call
// Observe; the other methods are for one goroutine.
type Sketch struct {
	fresh  [buckets]atomic.Uint32 // seen since the last Fold
	weight [buckets]float64
	total  float64 // of weight
}

// Observe counts one flow of the uncertainty u, from 0 to 1.
func (s *Sketch) Observe(u float64) { s.fresh[bucket(u)].Add(1) }

// Fold takes in what was observed since the last Fold, elapsed ago, and lets the rest fade.
func (s *Sketch) Fold(elapsed time.Duration) {
	keep := math.Exp2(-elapsed.Seconds() / halfLife.Seconds())
	s.total = 0
	for i := range s.weight {
		s.weight[i] *= keep
		if s.fresh[i].Load() > 0 {
			s.weight[i] += float64(s.fresh[i].Swap(0))
		}
		s.total += s.weight[i]
	}
}

// Cut gives the place above which a share of the flows lies, from 0 (none of them) to 1 (all).
// It is 0 for all of them, and where nothing was observed.
func (s *Sketch) Cut(share float64) Cut {
	below := (1 - share) * s.total
	if share >= 1 || s.total == 0 {
		return 0
	}
	for i, w := range s.weight {
		if w > 0 && below <= w {
			return Cut(float64(i) + below/w)
		}
		below -= w
	}
	return buckets
}

// Cut is a threshold of uncertainty in units of a Sketch's buckets. The zero value keeps no
// flow back.
//
// Its fraction is the share of its bucket that is kept back. Many flows can have one
// uncertainty, because their first packets are alike; no number could divide those.
type Cut float64

// Threshold is what the uncertainty u of a flow is held against, from 0 to 1: the flow is kept
// back if u is at most that. draw, from 0 to below 1 and the same each time for the same
// flow, decides within the bucket of the cut.
func (c Cut) Threshold(u, draw float64) float64 {
	at, fraction := math.Modf(float64(c))
	switch {
	case bucket(u) != int(at):
		return float64(c) / buckets
	case draw < fraction:
		return (at + 1) / buckets
	}
	return at / buckets
}

func bucket(u float64) int {
	return min(max(int(math.Ceil(u*buckets))-1, 0), buckets-1)
}

package steer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// kept is the share of the flows that a cut lets through, of some drawn from next.
func kept(c Cut, next func() float64) float64 {
	n := 0
	for range 100_000 {
		if u := next(); u > c.Threshold(u, rand.Float64()) {
			n++
		}
	}
	return float64(n) / 100_000
}

// The cut lets the share through, whatever the distribution, also where most flows have
// one uncertainty.
func TestCutLetsTheShareThrough(t *testing.T) {
	for name, next := range map[string]func() float64{
		"even":         rand.Float64,
		"near one":     func() float64 { return 1 - rand.Float64()*rand.Float64()*.1 },
		"one value":    func() float64 { return .7 },
		"a bound":      func() float64 { return .5 },
		"one":          func() float64 { return 1 },
		"two values":   func() float64 { return .2 + .3*float64(rand.IntN(2)) },
		"near nothing": func() float64 { return rand.Float64() / buckets / 2 },
	} {
		var s Sketch
		for range 100_000 {
			s.Observe(next())
		}
		s.Fold(Step)
		for _, share := range []float64{.001, .01, .1, .5, .9, .99, 1} {
			if got := kept(s.Cut(share), next); math.Abs(got-share) > .01 {
				t.Errorf("%s: of a share of %v, %v are let through", name, share, got)
			}
		}
	}
}

// The most uncertain are let through.
func TestMostUncertainPass(t *testing.T) {
	var s Sketch
	for i := range 1000 {
		s.Observe(float64(i) / 1000)
	}
	s.Fold(Step)
	c := s.Cut(.25)
	for u, passes := range map[float64]bool{0: false, .3: false, .74: false, .76: true, 1: true} {
		if got := u > c.Threshold(u, .5); got != passes {
			t.Errorf("%v passes: %v; the cut is at %v", u, got, c/buckets)
		}
	}
}

func TestSketchForgets(t *testing.T) {
	var s Sketch
	for range 1000 {
		s.Observe(.9)
	}
	s.Fold(Step)
	for range 1000 {
		s.Observe(.1)
	}
	s.Fold(20 * halfLife)
	if c := s.Cut(.5); c > .11*buckets {
		t.Errorf("the cut is at %v, though only .1 was seen of late", c/buckets)
	}
}

func TestEmptySketchKeepsNothingBack(t *testing.T) {
	var s Sketch
	s.Fold(Step)
	if c := s.Cut(.1); c != 0 {
		t.Errorf("the cut is at %v", c)
	}
	if got := Cut(0).Threshold(.001, 0); got != 0 {
		t.Errorf("threshold %v of the zero value", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	var s Sketch
	b.RunParallel(func(pb *testing.PB) {
		for u := 0.; pb.Next(); u += .001 {
			s.Observe(u - math.Floor(u))
		}
	})
}

func BenchmarkThreshold(b *testing.B) {
	c := Cut(300.5)
	for i := range b.N {
		c.Threshold(float64(i&1023)/1024, .25)
	}
}

// BenchmarkFold is what each Step costs.
func BenchmarkFold(b *testing.B) {
	var s Sketch
	for b.Loop() {
		s.Observe(.5)
		s.Fold(20 * time.Millisecond)
		s.Cut(.3)
	}
}

package answer

import (
	"fmt"
	"math"
	"testing"
)

func TestNamed(t *testing.T) {
	p := []float64{.1, .5, 0, .25, .15}
	for name, want := range map[string]float64{
		"answer_p1": .5, "answer_p2": .25, "answer_p3": .15, "answer_p4": .1, "answer_p5": 0,
		"answer_margin": .25, "answer_entropy": 1.2080 / math.Log(5), "answer_first": 1, "answer_second": 3,
	} {
		of, ok := Named(name)
		if !ok || math.Abs(of(p)-want) > 1e-4 {
			t.Errorf("%s is %v, want %v", name, of(p), want)
		}
	}
	for _, name := range Names() {
		if _, ok := Named(name); !ok {
			t.Errorf("%s is listed, and unknown", name)
		}
	}
	for _, name := range []string{"", "answer_", "answer_p6", "answer_p0", "p1"} {
		if _, ok := Named(name); ok {
			t.Errorf("%q is known", name)
		}
	}
}

func TestBest(t *testing.T) {
	for want, p := range map[string][]float64{
		"0 -1": {1}, "0 1": {.5, .5}, "1 0": {.4, .6}, "2 0": {.3, .2, .5}, "0 2": {.5, .2, .3}, "1 2": {.2, .4, .4},
	} {
		if first, second := Best(p); fmt.Sprint(first, second) != want {
			t.Errorf("%v: %d and %d, want %s", p, first, second, want)
		}
	}
}

package answer

import (
	"fmt"
	"math"
	"testing"
)

func TestNamed(t *testing.T) {
	a := Rank([]float64{.1, .5, 0, .25, .15})
	for name, want := range map[string]float64{
		"answer_p1": .5, "answer_p2": .25, "answer_p3": .15, "answer_p4": .1, "answer_p5": 0,
		"answer_margin": .25, "answer_entropy": 1.2080 / math.Log(5), "answer_first": 1, "answer_second": 3,
	} {
		of, ok := Named(name)
		if !ok || math.Abs(of(&a)-want) > 1e-4 {
			t.Errorf("%s is %v, want %v", name, of(&a), want)
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

func TestRank(t *testing.T) {
	for want, p := range map[string][]float64{
		"[0 -1 -1 -1 -1]": {1}, "[0 1 -1 -1 -1]": {.5, .5}, "[1 0 -1 -1 -1]": {.4, .6}, "[2 0 1 -1 -1]": {.3, .2, .5}, "[0 2 1 -1 -1]": {.5, .2, .3},
		"[1 2 0 -1 -1]": {.2, .4, .4}, "[6 4 5 3 2]": {0, .01, .09, .1, .2, .2, .4}, "[0 1 2 3 4]": {.2, .2, .2, .2, .1, .1}, "[5 0 1 2 3]": {.1, .1, .1, .1, .1, .5},
	} {
		if a := Rank(p); fmt.Sprint(a.Top) != want {
			t.Errorf("%v: %v, want %s", p, a.Top, want)
		}
	}
}

// Where there are fewer classes than places, the other features are those of an answer with zeros.
func TestFewClasses(t *testing.T) {
	one := Rank([]float64{1})
	for name, want := range map[string]float64{"answer_p1": 1, "answer_p2": 0, "answer_p5": 0, "answer_margin": 1, "answer_entropy": 0, "answer_first": 0, "answer_second": -1} {
		if of, _ := Named(name); of(&one) != want {
			t.Errorf("%s is %v, want %v", name, of(&one), want)
		}
	}
}

package cascade

import (
	"math"
	"testing"

	"github.com/serveflow/serveflow/cascade/answer"
)

func TestMeasures(t *testing.T) {
	for _, c := range []struct {
		p                     []float64
		least, margin, spread float64
	}{
		{[]float64{1, 0}, 0, 0, 0},
		{[]float64{.5, .5}, .5, 1, 1},
		{[]float64{.1, .7, .2}, .3, .5, .7298466991620975},
		{[]float64{.25, .25, .25, .25}, .75, 1, 1},
		{[]float64{1}, 0, 0, 0},
		{[]float64{1. / 5, 1. / 5, 1. / 5, 1. / 5, 1. / 5}, .8, 1, 1}, // whose entropy is rounded up
	} {
		for m, want := range map[Measure]float64{LeastConfidence: c.least, Margin: c.margin, Entropy: c.spread} {
			a := answer.Rank(c.p)
			if got := m.Of(&a); !(math.Abs(got-want) <= 1e-12) || got > 1 {
				t.Errorf("%s of %v is %v, want %v", m, c.p, got, want)
			}
		}
	}
	if Measure("doubt").Validate() == nil || Entropy.Validate() != nil {
		t.Error("only the three measures are known")
	}
}

func TestCalibrate(t *testing.T) {
	for _, c := range []struct {
		name string
		row  []float64
		out  Output
		temp float64
		want []float64
	}{
		{"softmax", []float64{0, math.Log(3)}, Scores, 1, []float64{.25, .75}},
		{"large scores do not overflow", []float64{1000, 1000}, Scores, 1, []float64{.5, .5}},
		{"hotter is flatter", []float64{0, 2 * math.Log(3)}, Scores, 2, []float64{.25, .75}},
		{"probabilities stay", []float64{.2, .8}, Probabilities, 1, []float64{.2, .8}},
		{"probabilities are cooled too", []float64{.1, .9}, Probabilities, .5, []float64{.01 / .82, .81 / .82}},
	} {
		Calibrate(c.row, c.out, c.temp)
		for i := range c.row {
			if !(math.Abs(c.row[i]-c.want[i]) <= 1e-9) {
				t.Errorf("%s: got %v, want %v", c.name, c.row, c.want)
				break
			}
		}
	}
}

func TestOnTheEdgeBetweenClasses(t *testing.T) {
	for _, c := range []struct {
		p    []float64
		want bool
	}{
		{[]float64{.5, .5}, true},
		{[]float64{.500002, .499998}, true},
		{[]float64{.1, .499998, .500002}, true},
		{[]float64{.6, .4}, false},
		{[]float64{1e-5, 0}, false}, // exactly the limit
		{[]float64{.9e-5, 0}, true},
	} {
		a := answer.Rank(c.p)
		if got := (&slowStage{stage: &Stage{}, spec: &Spec{}}).onTheEdge(&job{}, &a); got != c.want {
			t.Errorf("%v: %v", c.p, got)
		}
	}
}

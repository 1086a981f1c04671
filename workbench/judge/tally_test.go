package judge

import (
	"math"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

// A tally has the sample's own figures, and those of any draw.
func TestTally(t *testing.T) {
	s := collect(flows())
	tally := s.Tally(50*time.Millisecond, "slow")
	// Of ten flows with a label, eight take less than 50 ms, and four are of the last stage.
	r, got := Judge(s, nil), tally.Score(tally.Once())
	wait := (.04 + 2.2 + .1 + .01) / 10
	if got.MacroF1 != r.Quality.MacroF1.Value || got.Accuracy != r.Quality.Accuracy.Value || !near(got.Soon, .8) || !near(got.Last, .4) || !near(got.Wait, wait) {
		t.Errorf("%+v, want a wait of %v", got, wait)
	}
	in, out := tally.Draws()
	for i := range in {
		for unit := range tally.Units() {
			if in[i].Has(unit) == out[i].Has(unit) {
				t.Fatalf("draw %d: unit %d is in both or in none", i, unit)
			}
		}
	}
	// Of capture x alone: both flows are right, on their first packet.
	x := Drawn{make(weights, tally.Units())}
	x.w[0] = 1
	if got := tally.Score(x); got != (Score{MacroF1: 1, Accuracy: 1, Soon: 1}) {
		t.Errorf("of one capture: %+v", got)
	}
}

// Halves share no unit, and leave none out.
func TestHalves(t *testing.T) {
	tally := collect(flows()).Tally(Soon, "slow")
	a, b := tally.Halves()
	var known, groups [2]int
	for unit := range tally.Units() {
		if a.Has(unit) == b.Has(unit) {
			t.Fatalf("unit %d is in both or in none", unit)
		}
		half := 0
		if b.Has(unit) {
			half = 1
		}
		if unit < 3 {
			known[half]++
		} else {
			groups[half]++
		}
	}
	if known != [2]int{2, 1} || groups != [2]int{others / 2, others / 2} {
		t.Errorf("%v captures, %v groups", known, groups)
	}
}

// Harm is what one gets wrong and the other right, by capture.
func TestHarm(t *testing.T) {
	better := flows()
	better[2].label, better[6].label, better[7].label = "a", "c", "c"
	got := collect(flows()).Harm(collect(better))
	if len(got) != 3 || got[0] != 0 || !near(got[1], 1./3) || !near(got[2], 2./3) {
		t.Errorf("%v", got)
	}
	if got := collect(better).Harm(collect(flows())); got[1] != 0 || got[2] != 0 {
		t.Errorf("the other way round: %v", got)
	}
	foreign := []said{{"a", "x", "a", 1, "first", 0}, {"game", "y", "a", 1, "first", 0}}
	if got := collect(foreign).Harm(collect(foreign)); got[0] != 0 || !math.IsNaN(got[1]) {
		t.Errorf("of a capture without a class: %v", got)
	}
}

func TestUncertainties(t *testing.T) {
	s := collect(flows()[:6])
	once := s.Tally(Soon, "").Once()
	got := s.Uncertainties(once)
	once.w[0] = 0 // capture x
	if some := s.Uncertainties(once); len(some) != 3 || !near(some[0], .05) || !near(some[2], .35) {
		t.Errorf("without capture x: %v", some)
	}
	if len(got) != 5 || !near(got[0], .05) || !near(got[3], .15) || !near(got[4], .35) {
		t.Errorf("%v", got)
	}
}

// An interval of draws has their median.
func TestInterval(t *testing.T) {
	if got := Interval([]float64{3, 1, 2}); got != (Figure{2, 1, 3}) {
		t.Errorf("%+v", got)
	}
	if got := Interval(nil); got != (Figure{}) {
		t.Errorf("of none: %+v", got)
	}
}

// By family, what flows are and what they were called are families; the sample itself stays.
func TestByFamily(t *testing.T) {
	s := collect(flows())
	got := s.ByFamily()
	if len(got.Classes) != 2 || got.Classes[0] != "ab" || got.Classes[1] != "c" || got.ByFamily() != got {
		t.Fatalf("%v", got.Classes)
	}
	tally := got.Tally(Soon, "slow")
	want := Judge(s, nil).Families
	if score := tally.Score(tally.Once()); score.MacroF1 != want.MacroF1.Value || score.Accuracy != want.Accuracy.Value {
		t.Errorf("%+v, want %+v", score, want)
	}
	for i := range got.Cases {
		of, was := &got.Cases[i], &s.Cases[i]
		switch {
		case was.Class < 0 && (of.Class >= 0 || of.Truth != was.Truth):
			t.Errorf("flow %d, of no class, is %s", i, of.Truth)
		case was.Class >= 0 && of.Truth != s.FamilyOf[was.Truth]:
			t.Errorf("flow %d is %s, and was %s", i, of.Truth, was.Truth)
		case was.Answer.Label == "unknown" && (of.Answer.Class >= 0 || of.Answer.Label != "unknown"):
			t.Errorf("flow %d, which is unknown, is called %s", i, of.Answer.Label)
		case was.Answered && was.Answer.Class >= 0 && of.Answer.Label != s.FamilyOf[was.Answer.Label], of.Answer.Wait != was.Answer.Wait:
			t.Errorf("flow %d: %+v, and was %+v", i, of.Answer, was.Answer)
		}
	}
}

// Doubts are those of one family's answers, in the captures that are drawn.
func TestFamilyDoubts(t *testing.T) {
	s := collect(flows()[:6])
	for i, p := range []float64{.9, .75, .5} {
		s.Cases[i].Answered, s.Cases[i].Answer.Family = true, cascade.Guess{Label: "ab", P: p}
	}
	s.Cases[3].Answer.Family = cascade.Guess{Label: "c", P: .1}
	once := s.Tally(Soon, "").Once()
	if got := s.FamilyDoubts("ab", once); len(got) != 3 || !near(got[0], .1) || !near(got[2], .5) {
		t.Errorf("%v", got)
	}
	once.w[s.Cases[0].unit] = 0
	if got := s.FamilyDoubts("ab", once); len(got) == 0 || len(got) == 3 || !near(got[len(got)-1], .5) {
		t.Errorf("without the first one's capture: %v", got)
	}
}

package judge

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/truth"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// flows are ten known flows of three captures, and one that is not known. All figures below are
// counted by hand.
func flows() []said {
	return []said{
		{"a", "x", "a", .95, "first", 0},
		{"a", "x", "a", .85, "first", 0},
		{"a", "y", "b", .65, "slow", 40},
		{"b", "y", "b", .95, "first", 0},
		{"b", "y", "", 0, "", 0},
		{"c", "z", "c", .95, "slow", 2000},
		{"c", "z", "unknown", .75, "first", 0},
		{"c", "z", "a", .95, "first", 0},
		{"other", "z", "unknown", .95, "first", 0},
		{"game", "z", "a", .99, "slow", 100},
		{"", "", "c", .5, "slow", 10},
	}
}

func TestQuality(t *testing.T) {
	r := Judge(collect(flows()), nil)
	if want := (Flows{Known: 10, OfClass: 8, Unlabelled: 1, Other: 1, Captures: 3, DrawnBy: "capture"}); r.Flows != want {
		t.Errorf("flows: %+v, want %+v", r.Flows, want)
	}
	q := r.Quality
	// a: 3 due, 3 said (and that of a game does not count), 2 hit; b: 2, 2, 1; c: 3, 1, 1.
	fa, fb, fc := 2*2./6, 2*1./4, 2*1./4
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"accuracy", q.Accuracy.Value, 4. / 8}, {"macro-F1", q.MacroF1.Value, (fa + fb + fc) / 3}, {"weighted F1", q.WeightedF1.Value, (3*fa + 2*fb + 3*fc) / 8},
		{"unknown", q.Unknown.Value, 1. / 8}, {"unlabelled", q.Unlabelled.Value, 1. / 8},
		{"precision of a", q.Classes[0].Precision.Value, 2. / 3}, {"recall of a", q.Classes[0].Recall.Value, 2. / 3}, {"recall of c", q.Classes[2].Recall.Value, 1. / 3},
		{"accuracy of families", r.Families.Accuracy.Value, 5. / 8}, {"macro-F1 of families", r.Families.MacroF1.Value, (2*4./10 + fc) / 2},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if got := q.Confusion[2]; len(q.Columns) != 5 || q.Columns[3] != "unknown" || q.Columns[4] != "no label" || got[0] != 1 || got[2] != 1 || got[3] != 1 || q.Confusion[1][4] != 1 {
		t.Errorf("%v of %v", q.Confusion, q.Columns)
	}
}

func TestForeign(t *testing.T) {
	got := Judge(collect(flows()), nil).Foreign
	if len(got) != 3 || got[0].Flows != 2 || got[0].Unknown.Value != .5 || got[0].Confident.Value != .5 || got[1].Label != "game" || got[1].Confident.Value != 1 || got[2].Unknown.Value != 1 {
		t.Errorf("%+v", got)
	}
	if got := Judge(collect(flows()[:8]), nil).Foreign; got == nil || len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// A wait holds the silence, and the lateness on top of that.
func TestWaits(t *testing.T) {
	r := Judge(collect(flows()), nil)
	// Known: 0 six times, 40, 100, 2200. All: 10, too.
	if w := r.WaitKnown; w.Flows != 9 || w.P50.Value != 0 || w.P90.Value != 2200 || !near(w.Under.Value, 6./9) {
		t.Errorf("%+v", w)
	}
	if w := r.WaitAll; w.Flows != 10 || w.P50.Value != 0 || w.P99.Value != 2200 || !near(w.Under.Value, .7) {
		t.Errorf("%+v", w)
	}
	if c := r.WaitByClass[0]; c.Class != "a" || c.Flows != 3 || c.P50 != 0 || c.P90 != 40 || !near(c.Under, 2./3) {
		t.Errorf("%+v", c)
	}
}

// A quantile is the first number of which more than so many flows are below or at it.
func TestQuantiles(t *testing.T) {
	var all []measured
	for i := range 10 {
		all = append(all, measured{float64(i), i})
	}
	w := make(weights, 10)
	for i := range w {
		w[i] = 1
	}
	got := make([]float64, 4)
	if quantiles(all, w, []float64{0, .5, .9, .99}, got); got[0] != 0 || got[1] != 5 || got[2] != 9 || got[3] != 9 {
		t.Errorf("got %v", got)
	}
	w[9], w[0] = 0, 11
	if quantiles(all, w, []float64{0, .5, .9, .99}, got); got[0] != 0 || got[1] != 0 || got[2] != 7 || got[3] != 8 {
		t.Errorf("got %v with weights", got)
	}
	if quantiles(all, make(weights, 10), []float64{.5}, got[:1]); !math.IsNaN(got[0]) {
		t.Errorf("got %v of no flow", got[0])
	}
}

func TestShares(t *testing.T) {
	got := Judge(collect(flows()), nil).ByStage
	if len(got) != 2 || got[0].Name != "first" || !near(got[0].Known.Value, 6./9) || !near(got[0].All.Value, .6) || got[1].Name != "slow" || !near(got[1].All.Value, .4) {
		t.Errorf("%+v", got)
	}
}

func TestReliability(t *testing.T) {
	r := Judge(collect(flows()), nil).Reliability
	// .95: four, three of them right; .85: one, right; .65: one, wrong.
	want := (math.Abs(4*.95-3) + .15 + .65) / 6
	if !near(r.ECE.Value, want) || len(r.Bins) != 3 || r.Bins[2].Flows != 4 || r.Bins[2].Accuracy.Value != .75 || !near(r.Bins[2].Confidence, .95) || r.Bins[0].From != .6 {
		t.Errorf("%+v, want an error of %v", r, want)
	}
}

// Computing is the mean of all flows.
func TestCompute(t *testing.T) {
	// Flow i takes 10+i%7 microseconds; flow 4 has no label.
	if c := Judge(collect(flows()), nil).Compute; !near(c.Mean.Value, (10+11+12+13+15+16+10+11+12+13)/10.) || c.P50.Value != 12 || c.P99.Value != 16 {
		t.Errorf("%+v", c)
	}
}

// What is wrong names what there is on both sides, and the remedy.
func TestNothingToJudge(t *testing.T) {
	var many []said
	for _, name := range []string{"q", "p", "r", "q", "s", "t", "u", "v"} {
		many = append(many, said{name, "x", "a", 1, "first", 0})
	}
	for want, sample := range map[string]*Sample{
		"none of the 1 known labels is a class of the bundle: the file has game, and the bundle a, b, c; name the bundle that knows these labels by --task or --bundle, or spell them as its classes":                        collect([]said{{"game", "x", "a", 1, "first", 0}}),
		"none of the 8 known labels is a class of the bundle: the file has p, q, r, s, t, u and 1 more, and the bundle a, b, c; name the bundle that knows these labels by --task or --bundle, or spell them as its classes": collect(many),
		"none of the 1 known flows is among the 1 of the records; give the records of the flows that are labelled":                                                                                                           collect([]said{{"a", "x", "", 0, "", 0}, {"", "", "a", 1, "first", 0}}),
	} {
		if err := sample.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := collect(flows()).Validate(); err != nil {
		t.Error(err)
	}
}

// A clock that is wrong by the same time for all flows is told of.
func TestShiftedClock(t *testing.T) {
	for by, want := range map[int64]string{
		3600:  "none of the 3 known flows is among the 3 of the records at its time, but 3 have the addresses and ports of flows that begin 1h0m0s later; mend the times",
		-7200: "begin 2h0m0s earlier; mend the times",
	} {
		var known []truth.Known
		var verdicts []cascade.Verdict
		for i := range 3 {
			orig, resp, first := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(1024+i)), netip.MustParseAddrPort("10.0.0.2:53"), 1e9+int64(i)*7_300_000
			known = append(known, truth.Known{Ends: truth.NewEnds(orig, resp, "tcp"), First: first, Label: "a", Capture: "x"})
			v := cascade.Verdict{UID: fmt.Sprint("C", i), Orig: orig, Resp: resp, Proto: 6, First: first + by*1e6 + 300, Stage: "first"}
			v.Top[0] = cascade.Guess{Label: "a", P: 1}
			verdicts = append(verdicts, v)
		}
		err := Collect(spec(), truth.NewFlows(known), verdicts, 0).Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d s: %v, want %s", by, err, want)
		}
	}
}

// Flows are drawn where there is one capture, and captures where there are more.
func TestDraws(t *testing.T) {
	two := []said{{"a", "x", "a", 1, "first", 0}, {"a", "y", "b", 1, "first", 0}, {"a", "x", "a", 1, "first", 0}, {"a", "y", "b", 1, "first", 0}}
	one := append(slices.Clone(two), two...)
	for i := range one {
		one[i].capture = "x"
	}
	if r := Judge(collect(one), nil); r.Flows.DrawnBy != "flow" || r.Quality.Accuracy.Low <= 0 || r.Quality.Accuracy.High >= 1+1e-9 || r.Quality.Accuracy.Value != .5 {
		t.Errorf("%+v", r.Quality.Accuracy)
	}
	if a := Judge(collect(two), nil).Quality.Accuracy; a != (Figure{.5, 0, 1}) {
		t.Errorf("both captures are drawn at times, and at times only one of them: %+v", a)
	}
	if a, b := Judge(collect(flows()), nil), Judge(collect(flows()), nil); a.Quality.MacroF1 != b.Quality.MacroF1 {
		t.Errorf("%+v and %+v", a.Quality.MacroF1, b.Quality.MacroF1)
	}
	u := newUnits(3, 100)
	for range 50 {
		u.ofOther()
	}
	for _, w := range newDraws(u) {
		var known, others int
		for i, n := range w {
			if i < 3 {
				known += int(n)
			} else {
				others += int(n)
			}
		}
		if known != 3 || others != 50 {
			t.Fatalf("%d captures and %d other flows are drawn", known, others)
		}
	}
}

// Known samples are drawn alike, however many other flows each has.
func TestStagesAreDrawnAlike(t *testing.T) {
	all := flows()
	r := Judge(collect(all), []Stage{{"first", collect(all[:10])}, {"slow", collect(all)}})
	for _, a := range r.Alone {
		if a.MacroF1 != r.Quality.MacroF1 || a.Less != (Figure{}) {
			t.Errorf("%s alone is like the cascade: %+v, %+v", a.Stage, a.MacroF1, a.Less)
		}
	}
}

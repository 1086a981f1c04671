package calibrate

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/truth"
)

// spec is a cascade of two stages, of which the first has a hazard and patience.
func spec() *cascade.Spec {
	return &cascade.Spec{Task: "t", Bundle: "t@1", Digest: "d", Classes: []string{"a", "b"}, Stages: []cascade.Stage{
		{Name: "first", Depth: 1, Threshold: .3, Hazard: &cascade.Hazard{Below: .25}, Patience: []cascade.Patience{{Classes: []int{1}, Wait: 400 * time.Millisecond}}},
		{Name: "slow", Depth: 5}}}
}

const flows, captures = 400, 40

// doubt is how unsure the first stage is of a flow, which it gets wrong where that is above one half.
func doubt(i int) float64 { return float64(i%100) / 100 }

// label labels 400 flows of 40 captures as the two stages would: the last one is always right, and
// takes a second. A flow that the first stage gets wrong costs a few milliseconds less.
func label(s *cascade.Spec) *judge.Sample {
	var known []truth.Known
	var verdicts []cascade.Verdict
	for i := range flows {
		uid, class := fmt.Sprintf("C%03d", i), s.Classes[i%2]
		known = append(known, truth.Known{UID: uid, Label: class, Capture: fmt.Sprint(i % captures)})
		v := cascade.Verdict{UID: uid, Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2"), Proto: 6,
			Final: true, Stage: "first", Reason: cascade.Confident, Uncertainty: doubt(i)}
		if doubt(i) > .5 {
			class = s.Classes[1-i%2]
		}
		if first := &s.Stages[0]; first.Name == "slow" || doubt(i) > first.Threshold {
			v.Stage, class, v.Due = "slow", s.Classes[i%2], 1e6
		}
		v.Top[0] = cascade.Guess{Label: class, P: 1}
		verdicts = append(verdicts, v)
	}
	return judge.Collect(s, truth.NewFlows(known), verdicts, 0)
}

func problem(t *testing.T, target string) Problem {
	t.Helper()
	parsed, err := ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	s := spec()
	return Problem{Spec: s, Target: parsed, Idle: 2 * time.Second, Trials: 300, Told: func(int) {}, Alone: []*judge.Sample{label(s), label(s.Only("slow"))},
		Try: func(_ context.Context, of *cascade.Spec) (*judge.Sample, float64, error) {
			return label(of), 10 + 100*(1-of.Stages[0].Threshold), nil
		}}
}

// The choice serves the target, and the right threshold is known here: .5 is as right as the last stage.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		target   string
		from, to float64 // of the threshold
		check    func(*Choice) bool
	}{
		{"loss=0", .45, .51, func(c *Choice) bool { return c.After.Loss == 0 && c.After.Score.Soon > .45 }},
		{"loss=0.1", .5, .62, func(c *Choice) bool { return c.After.Loss > .02 && c.After.Loss <= .1 && c.Before.Loss == 0 }},
		{"within=16ms:0.6", .58, .64, func(c *Choice) bool { return c.After.Score.Soon >= .6 && c.After.Score.Soon < .66 }},
		{"within=2s:1", 0, .52, func(c *Choice) bool { return c.After.Score.MacroF1 == 1 }},
		{"defer=0.3", .68, .74, func(c *Choice) bool { return c.After.Score.Last <= .3 && c.After.Score.Last > .24 }},
		{"cost=error:1", 0, .52, func(c *Choice) bool { return c.After.Score.Accuracy == 1 }},
		{"cost=error:0.1,second:1", .97, 1, func(c *Choice) bool { return c.After.Score.Wait == 0 }},
		{"cost=error:1,cpu:100", .97, 1, func(c *Choice) bool { return c.After.CPU < 20 }},
	} {
		p := problem(t, c.target)
		got, err := Choose(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", c.target, err)
		}
		if th := got.Rules.Stages[0].Threshold; th < c.from || th > c.to || !c.check(got) || !got.Kept || got.Check == nil || got.Test != nil {
			t.Errorf("%s: threshold %v, before %+v, after %+v, kept %v", c.target, th, got.Before, got.After, got.Kept)
		}
	}
}

// To be surer, it aims higher.
func TestSure(t *testing.T) {
	p := problem(t, "within=16ms:0.6")
	plain, err := Choose(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	p.Sure = .99
	sure, err := Choose(t.Context(), p)
	if err != nil || sure.Check.Kept < plain.Check.Kept || sure.Check.Bound < plain.Check.Bound || sure.After.Score.Soon < plain.After.Score.Soon {
		t.Errorf("%v: %+v, and as it comes %+v", err, sure.Check, plain.Check)
	}
	for _, target := range []string{"loss=0.005", "defer=0.2"} {
		parsed, _ := ParseTarget(target)
		if all := parsed.tighter(); all[0] != parsed || all[5].Bound >= parsed.Bound {
			t.Errorf("%s: %+v", target, all)
		}
	}
}

// A risk is tested on captures that chose nothing.
func TestRisk(t *testing.T) {
	got, err := Choose(t.Context(), problem(t, "risk=0.2:0.9"))
	if err != nil {
		t.Fatal(err)
	}
	if k := got.Test; k == nil || k.Captures != captures/2 || k.Harm >= .2 || k.Chance > .1 || got.Check != nil || got.After.Score.Soon < .5 {
		t.Errorf("%+v: %+v", got.Test, got.After)
	}
	if _, err := Choose(t.Context(), problem(t, "risk=0.05:0.9")); err == nil || !strings.Contains(err.Error(), "20 captures would test the risk, half of those that are there: at least 45 are needed, twice as many in all") {
		t.Errorf("%v", err)
	}
}

// The bound on chance is that of a binomial test where nothing comes to harm, and never below 1
// where the harm is as large as the risk.
func TestChance(t *testing.T) {
	for _, c := range []struct {
		mean float64
		n    int
		risk float64
		want float64
	}{{0, 10, .2, math.Pow(.8, 10)}, {.2, 10, .2, 1}, {.3, 10, .2, 1}, {.1, 100, .2, math.Exp(-100 * (.1*math.Log(.5) + .9*math.Log(.9/.8)))}} {
		if got := chance(c.mean, c.n, c.risk); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if n := CapturesFor(.01, .9); n != 230 || chance(0, n, .01) > .1 || chance(0, n-1, .01) <= .1 {
		t.Errorf("%d captures", n)
	}
}

// What cannot be chosen for is refused, and says why.
func TestRefuses(t *testing.T) {
	few := problem(t, "loss=0.01")
	few.Alone = []*judge.Sample{judge.Collect(few.Spec, truth.NewFlows([]truth.Known{{UID: "C000", Label: "a"}}), nil, 0)}
	one := problem(t, "loss=0.01")
	one.Spec, one.Alone = one.Spec.Only("slow"), one.Alone[1:]
	for want, p := range map[string]Problem{"1 known flows have a label that is a class of the bundle: at least 200 are needed": few, "the cascade has no rule to choose": one} {
		if _, err := Choose(t.Context(), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"defer=0.2":                        {Kind: Defer, Bound: .2, Soon: judge.Soon},
		"loss=0.005":                       {Kind: Loss, Bound: .005, Soon: judge.Soon},
		"within=1s:0.75":                   {Kind: Within, Bound: .75, Soon: time.Second},
		"cost=error:1,second:0.01,cpu:0.1": {Kind: Cost, Error: 1, Second: .01, CPU: .1, Soon: judge.Soon},
		"cost=error:2":                     {Kind: Cost, Error: 2, Soon: judge.Soon},
		"risk=0.03:0.9":                    {Kind: Risk, Bound: .03, Sure: .9, Soon: judge.Soon},
	} {
		if got, err := ParseTarget(text); err != nil || got != want || got.Promise() == "" {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": `"" is no kind of target`, "fast=1": `"fast" is no kind`, "defer=2": `"2" is no number from 0 to 1`, "loss=NaN": `"NaN" is no number`, "within=0.7": "missing unit",
		"within=-1s:0.7": "a time above 0", "within=16ms": `"" is no number`, "risk=0.1": `"" is no number`, "risk=0:0.9": "above 0 and below 1", "risk=0.1:1": "above 0 and below 1",
		"cost=second:1": "the cost of an error is missing", "cost=error:-1": `"error:-1" is no cost`, "cost=error:1,error:2": "error is there twice", "cost=error:1,dinner:2": `"dinner" costs nothing here`, "cost=": `"" is no cost`,
	} {
		if _, err := ParseTarget(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "such as defer=0.2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// No text makes it panic, and a bound is never out of range.
func FuzzParseTarget(f *testing.F) {
	f.Add("within=16ms:0.75")
	f.Add("cost=error:1,second:0.01")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParseTarget(text); err == nil && !(got.Bound >= 0 && got.Bound <= 1 && got.Soon > 0) {
			t.Errorf("%s: %+v", text, got)
		}
	})
}

// The harm that counts is that of the captures that are drawn.
func TestMean(t *testing.T) {
	tally := label(spec()).Tally(judge.Soon, "slow")
	a, b := tally.Halves()
	harm := make([]float64, captures)
	for unit := range harm {
		if a.Has(unit) {
			harm[unit] = .5
		}
	}
	harm[0], harm[1] = math.NaN(), math.NaN()
	if share, n := mean(harm, a); share != .5 || n < captures/2-2 || n > captures/2 {
		t.Errorf("the half with harm: %v of %d", share, n)
	}
	if share, n := mean(harm, b); share != 0 || n < captures/2-2 || n > captures/2 {
		t.Errorf("the half without: %v of %d", share, n)
	}
	if share, n := mean(nil, a); share != 0 || n != 0 {
		t.Errorf("of none: %v of %d", share, n)
	}
}

// A promise that every choice keeps is kept in all draws, and one that none keeps in none.
func TestKeptInDraws(t *testing.T) {
	for target, want := range map[string]float64{"loss=1": 1, "defer=1": 1, "within=16ms:0.1": 0} {
		p := problem(t, target)
		if want == 0 { // the last stage decides whatever the rules are
			p.Try = func(_ context.Context, of *cascade.Spec) (*judge.Sample, float64, error) {
				return label(of.Only("slow")), 0, nil
			}
		}
		got, err := Choose(t.Context(), p)
		if err != nil || got.Check.Kept != want || got.Kept != (want == 1) {
			t.Errorf("%s: %v, kept in %v of draws, and %v", target, err, got.Check.Kept, got.Kept)
		}
	}
}

// No more choices are tried than was said, and half as many in the end.
func TestTrials(t *testing.T) {
	p := problem(t, "loss=0.01")
	p.Trials = 10
	var told []int
	p.Told = func(n int) { told = append(told, n) }
	got, err := Choose(t.Context(), p)
	if err != nil || got.Trials < 10 || got.Trials > 15 || len(told) != got.Trials || told[len(told)-1] != got.Trials {
		t.Errorf("%v: %d trials, told %v", err, got.Trials, told)
	}
	if n := len(got.Front) + len(got.Others); n != got.Trials {
		t.Errorf("%d spots of %d trials", n, got.Trials)
	}
	for i := 1; i < len(got.Front); i++ {
		if a, b := got.Front[i-1], got.Front[i]; b.MacroF1 <= a.MacroF1 || b.Within > a.Within {
			t.Errorf("the front: %+v behind %+v", b, a)
		}
	}
}

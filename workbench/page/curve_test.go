package page

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/judge"
)

func TestCurve(t *testing.T) {
	spots := []calibrate.Spot{{MacroF1: .88, Within: .86, Last: .05}, {MacroF1: .92, Within: .75, Last: .16}, {MacroF1: .5, Within: 1}}
	result := func(p calibrate.Spot) calibrate.Result {
		return calibrate.Result{Score: judge.Score{MacroF1: p.MacroF1, Soon: p.Within, Last: p.Last}}
	}
	choice := &calibrate.Choice{Trials: 3, Before: result(spots[1]), After: result(spots[0]), Alone: result(calibrate.Spot{MacroF1: .91, Last: 1}),
		Check: &calibrate.Check{Draws: 100, Kept: .85}, Front: spots[:2], Others: spots[2:], Kept: true}
	for kind, want := range map[calibrate.Kind]string{calibrate.Within: "86.0% of labels within 16 ms, not 75.0%, at macro-F1 0.880, not 0.920", calibrate.Defer: "5.0% of flows need the last stage, not 16.0%",
		calibrate.Cost: "An expected cost of"} {
		var out bytes.Buffer
		c := Curve{Bundle: "<b>", Version: "t@1-calibrated", Asked: "x", Target: calibrate.Target{Kind: kind, Bound: .8, Soon: 16 * time.Millisecond}, Choice: choice, Stages: []Changed{{"first", "a", "b"}}}
		if err := WriteCurve(&out, c); err != nil {
			t.Fatal(err)
		}
		page := out.String()
		for _, words := range []string{want, "<svg", "chosen", "&lt;b&gt;"} {
			if !strings.Contains(page, words) {
				t.Errorf("%s: the page lacks %q", kind, words)
			}
		}
		for _, bad := range []string{"//", "<script", "ZgotmplZ", "NaN", "%!"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page has %q", kind, bad)
			}
		}
	}
}

// The page says that families counted, and their thresholds; otherwise nothing of families.
func TestCurveOfFamilies(t *testing.T) {
	result := calibrate.Result{Score: judge.Score{MacroF1: .9, Soon: .8}}
	for _, families := range []bool{true, false} {
		c := Curve{Bundle: "t@1", Target: calibrate.Target{Kind: calibrate.Loss, Soon: 16 * time.Millisecond}, Choice: &calibrate.Choice{Before: result, After: result, Alone: result, Check: &calibrate.Check{}},
			Stages: []Changed{{"first", "a", "b"}}, ByFamily: families}
		if families {
			c.Families = []Changed{{"web", FamilyRule(-1), FamilyRule(.05)}}
		}
		var out bytes.Buffer
		if err := WriteCurve(&out, c); err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"each class counts as its family", "at macro-F1 of families 0.900", "What macro-F1 of families each choice has", "<dt>family web</dt><dd><span>before</span> lets no answer out</dd><dd><span>now</span> threshold 0.0500</dd>"} {
			if strings.Contains(out.String(), words) != families {
				t.Errorf("families: %v, and %q is not as it should be", families, words)
			}
		}
	}
}

// What the test of a risk has shown is said as what is promised, and what was ruled out.
func TestCurveOfRisk(t *testing.T) {
	result := calibrate.Result{Score: judge.Score{MacroF1: .9, Soon: .8}}
	c := Curve{Bundle: "t@1", Target: calibrate.Target{Kind: calibrate.Risk, Bound: .03, Sure: .9, Soon: 16 * time.Millisecond},
		Choice: &calibrate.Choice{Before: result, After: result, Alone: result, Kept: true, Test: &calibrate.Test{Captures: 198, Harm: .0167, Chance: .046}}}
	var out bytes.Buffer
	if err := WriteCurve(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"that more than 3.0% comes to harm is ruled out, at a confidence of 90%", "on the other half, 198 of them, its mean is 1.67%. If it were more than 3.0% elsewhere"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("the page lacks %q", words)
		}
	}
}

func TestRulesInWords(t *testing.T) {
	classes := []string{"ads", "dns", "http"}
	for want, r := range map[string]calibrate.StageRules{
		"threshold 0.1000": {Threshold: .1},
		"threshold 0.1000, by class; no more below 0.30; ads, http 400 ms with 2 packets; others 1.0 s": {Threshold: .1, Thresholds: []float64{0, 0, 0}, Below: .3,
			Patience: []cascade.Patience{{Classes: []int{0, 2}, Packets: 2, Wait: 400 * time.Millisecond}, {Wait: time.Second}}},
		"threshold 0.1000; patience 100 ms": {Threshold: .1, Patience: []cascade.Patience{{Wait: 100 * time.Millisecond}}},
	} {
		if got := Rules(r, classes, false); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := Rules(calibrate.StageRules{Threshold: 1}, classes, true); got != "always answers" {
		t.Errorf("the last stage: %q", got)
	}
}

func TestShareTicks(t *testing.T) {
	for _, c := range [][2]float64{{.71, .88}, {0, 1}, {.5, .52}} {
		all := shareTicks(c[0], c[1])
		if len(all) < 2 || len(all) > 8 || all[0].at < c[0]-1e-6 || all[len(all)-1].at > c[1]+1e-6 {
			t.Errorf("%v: %+v", c, all)
		}
	}
}

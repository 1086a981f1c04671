package calibrate

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/truth"
)

// twins is a cascade of two stages, whose classes a and b are a family, and c is none.
func twins() *cascade.Spec {
	return &cascade.Spec{Task: "t", Bundle: "t@1", Digest: "d", Classes: []string{"a", "b", "c"},
		Families: []cascade.Family{{Name: "ab", Classes: []int{0, 1}, Threshold: -1}}, FamilyOf: []int{0, 0, -1},
		Stages: []cascade.Stage{{Name: "first", Depth: 1, Threshold: .1}, {Name: "slow", Depth: 5}}}
}

// doubtOfFamily is how unsure the first stage is that the family of a flow is that of a and b; 1
// of most flows of c.
func doubtOfFamily(i int) float64 {
	switch {
	case i/10%3 != 2:
		return float64(i%10) / 100
	case i%10 > 7:
		return .4
	}
	return 1
}

// labelTwins labels 300 flows of 30 captures. The first stage cannot tell a from b: it says a of
// both, and is as unsure as can be. So it is of one c in five, which it calls a, too. Of the others it
// is sure. The last stage has the family right, after a second, and the class but for the first flow.
func labelTwins(s *cascade.Spec) *judge.Sample {
	var known []truth.Known
	var verdicts []cascade.Verdict
	for i := range 300 {
		uid, class := fmt.Sprintf("C%03d", i), s.Classes[i/10%3]
		known = append(known, truth.Known{UID: uid, Label: class, Capture: fmt.Sprint(i % 30)})
		v := cascade.Verdict{UID: uid, Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2"), Proto: 6,
			Final: true, Stage: "first", Reason: cascade.Confident, Family: cascade.Guess{Label: class, P: 1}}
		said := class
		if doubtOfFamily(i) < 1 {
			said = "a"
			v.Uncertainty, v.Family = 1, cascade.Guess{Label: "ab", P: 1 - doubtOfFamily(i)}
			v.Reason = cascade.OfFamily
		}
		sure := v.Uncertainty <= s.Stages[0].Threshold || doubtOfFamily(i) < 1 && 1-v.Family.P <= s.Families[0].Threshold
		if s.Stages[0].Name == "slow" || !sure {
			v.Stage, v.Reason, v.Due, said = "slow", cascade.LastStage, 1e6, class
			if i == 0 {
				said = "b"
			}
		}
		v.Top[0] = cascade.Guess{Label: said, P: 1}
		verdicts = append(verdicts, v)
	}
	return judge.Collect(s, truth.NewFlows(known), verdicts, 0)
}

func twinsProblem(families bool) Problem {
	s := twins()
	first := s.Only("first")
	first.Stages[0].Threshold = 1
	return Problem{Spec: s, Target: Target{Kind: Loss, Bound: .005, Soon: judge.Soon}, Idle: 2 * time.Second, Trials: 300, Told: func(int) {}, Families: families,
		Alone: []*judge.Sample{labelTwins(first), labelTwins(s.Only("slow"))},
		Try: func(_ context.Context, of *cascade.Spec) (*judge.Sample, float64, error) {
			return labelTwins(of), 1, nil
		}}
}

// Where families count, flows whose classes cannot be told apart are answered at once; where
// classes do, they wait for the last stage.
func TestChooseByFamily(t *testing.T) {
	waits, err := Choose(t.Context(), twinsProblem(false))
	if err != nil {
		t.Fatal(err)
	}
	if r := waits.Rules; waits.After.Score.Soon > .4 || waits.Alone.Score.MacroF1 == 1 || waits.After.Loss > .005 || r.Families[0] != -1 {
		t.Errorf("by class: %+v, %+v", waits.After, r)
	}
	p := twinsProblem(true)
	var tried []float64
	try := p.Try
	p.Try = func(ctx context.Context, of *cascade.Spec) (*judge.Sample, float64, error) {
		tried = append(tried, of.Families[0].Threshold)
		return try(ctx, of)
	}
	atOnce, err := Choose(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	const told = 280. / 300 // all but those of c that it takes for a
	if atOnce.After.Score.Soon != told || atOnce.After.Loss != 0 || atOnce.After.Score.MacroF1 != 1 || atOnce.Before.Score.Soon > .4 {
		t.Errorf("by family: before %+v, after %+v, %+v", atOnce.Before, atOnce.After, atOnce.Rules)
	}
	if tried[0] != -1 || tried[2] != 1 {
		t.Errorf("it begins with %v: the bundle's own, and behind the careful choice the bold one", tried[:3])
	}
	if alone := atOnce.Alone.Score; alone.MacroF1 != 1 {
		t.Errorf("the last stage alone: %+v", alone)
	}
}

// The threshold of a family alone lets its flows out, where the stages' have no part in it.
func TestFamilyThresholds(t *testing.T) {
	p := twinsProblem(true)
	all := familySpace(p.Spec, p.Alone, p.Alone[1].Tally(judge.Soon, "slow").Once())
	if len(all) != 1 || all[0].own != 0 || !all[0].ordered {
		t.Fatalf("%+v", all)
	}
	var got []float64
	for _, option := range all[0].options {
		r := RulesOf(p.Spec)
		option(&r)
		with := With(p.Spec, r)
		got = append(got, with.Families[0].Threshold)
		if r.Stages[0].Threshold != .1 || p.Spec.Families[0].Threshold != -1 {
			t.Errorf("%+v of %+v", r, p.Spec.Families)
		}
		want := 0.
		for i := range 300 {
			if doubtOfFamily(i) == 1 || 1-(1-doubtOfFamily(i)) <= with.Families[0].Threshold {
				want++
			}
		}
		if soon := labelTwins(with).Tally(judge.Soon, "slow"); math.Abs(soon.Score(soon.Once()).Soon-want/300) > 1e-9 {
			t.Errorf("%v lets out %v, want %v", with.Families[0].Threshold, soon.Score(soon.Once()).Soon, want/300)
		}
	}
	if !slices.IsSorted(got) || got[0] != -1 || got[1] != 0 || got[len(got)-1] != 1 || len(got) != 13 {
		t.Errorf("%v", got)
	}
	p.Spec.Families[0].Threshold = .025 // is among them, where the bundle has it
	if d := familySpace(p.Spec, p.Alone, p.Alone[1].Tally(judge.Soon, "slow").Once())[0]; len(d.options) != 14 || d.own != 4 {
		t.Errorf("%d options, the bundle's %d", len(d.options), d.own)
	}
	if only := familySpace(p.Spec.Only("slow"), p.Alone[1:], p.Alone[1].Tally(judge.Soon, "slow").Once()); only != nil {
		t.Errorf("of one stage, which always answers: %+v", only)
	}
}

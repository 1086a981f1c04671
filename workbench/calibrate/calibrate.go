package calibrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/judge"
)

// Fewest is how many labelled flows whose label is a class are needed at least.
const Fewest = 200

// Problem is what rules are chosen for.
type Problem struct {
	Spec   *cascade.Spec
	Target Target
	Idle   time.Duration // SERVEFLOW_FLOW_IDLE
	Try    Try
	Alone  []*judge.Sample // each stage alone
	Trials int             // at most, before the last climb
	Sure   float64         // share of draws in which the promise is to be kept; 0: as it comes
	Told   func(trials int)

	// Families has each class count as its family, and families' thresholds chosen too.
	Families bool
}

// Choice is the rules that were chosen, and what is known of them.
type Choice struct {
	Rules  Rules  `json:"-"`
	Trials int    `json:"trials"`
	Before Result `json:"before"` // as the bundle is
	After  Result `json:"after"`  // on all flows
	Alone  Result `json:"last_stage_alone"`
	Kept   bool   `json:"kept"` // whether the target's bound is kept on all flows
	Check  *Check `json:"check"`
	Test   *Test  `json:"test"` // of a risk; null: of other targets
	Front  []Spot `json:"front"`
	Others []Spot `json:"-"`
}

// Check says how sure the promise is: in each bootstrap draw the best choice of the captures that
// were drawn was looked at on those that were not.
type Check struct {
	Draws  int          `json:"draws"`
	Bound  float64      `json:"bound"` // that was aimed at, to keep the promised one
	Kept   float64      `json:"kept"`  // share of draws in which the promise was kept
	Loss   judge.Figure `json:"macro_f1_loss"`
	Within judge.Figure `json:"within"`
	Last   judge.Figure `json:"last_stage"`
	Cost   judge.Figure `json:"cost"`
}

// Test is that of a risk.
type Test struct {
	Captures int     `json:"captures"` // that tested
	Harm     float64 `json:"harm"`     // on them, the mean over captures
	Chance   float64 `json:"chance"`   // that so little harm is by chance, at most
}

// Spot is a choice on the curve.
type Spot struct {
	MacroF1 float64 `json:"macro_f1"`
	Within  float64 `json:"within"`
	Last    float64 `json:"last_stage"`
	Wait    float64 `json:"mean_wait_s"`
}

// Choose chooses rules. The error says what is missing.
func Choose(ctx context.Context, p Problem) (*Choice, error) {
	if p.Families {
		p = p.byFamily()
	}
	last := p.Alone[len(p.Alone)-1]
	if n := last.Flows().OfClass; n < Fewest {
		return nil, fmt.Errorf("%d known flows have a label that is a class of the bundle: at least %d are needed", n, Fewest)
	}
	s := &search{spec: p.Spec, target: p.Target, try: p.Try, last: last, most: p.Trials, told: p.Told, known: map[string]*trial{}}
	s.alone = last.Tally(p.Target.Soon, s.lastName())
	all := s.alone.Once()
	s.on = all
	a, b := s.alone.Halves()
	if p.Target.Kind == Risk {
		if _, n := mean(last.Harm(last), b); n < CapturesFor(p.Target.Bound, p.Target.Sure) {
			return nil, fmt.Errorf("%d captures would test the risk, half of those that are there: at least %d are needed, twice as many in all", n, CapturesFor(p.Target.Bound, p.Target.Sure))
		}
		s.on = a
	}
	var uncertainties [][]float64
	for _, sample := range p.Alone { // of the flows that choose: those that test have no say
		uncertainties = append(uncertainties, sample.Uncertainties(s.on))
	}
	s.space = space(p.Spec, uncertainties, p.Idle)
	if p.Families {
		s.space = append(s.space, familySpace(p.Spec, p.Alone, s.on)...)
	}
	if len(s.space) == 0 {
		return nil, errors.New("the cascade has no rule to choose: it has one stage, which is asked once")
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	c := &Choice{Trials: len(s.trials), Before: s.trials[0].result(s.alone, all), Alone: Result{Score: s.alone.Score(all)}}
	var best *trial
	if p.Target.Kind == Risk {
		if best = s.test(a, b); best == nil {
			return nil, fmt.Errorf("no rules were found for which a risk above %g can be ruled out at a confidence of %g: ask for a larger risk, for less confidence, or give more captures", p.Target.Bound, p.Target.Sure)
		}
		harm, n := mean(best.harm, b)
		c.Test = &Test{Captures: n, Harm: harm, Chance: chance(harm, n, p.Target.Bound)}
	} else {
		var aim Target
		aim, c.Check = s.aim(p.Sure)
		best = s.bestOf(aim, func(t *trial) Result { return t.found })
	}
	c.Rules, c.After = best.rules, best.result(s.alone, all)
	c.Kept = p.Target.Kept(c.After)
	c.Front, c.Others = s.spots(all)
	return c, nil
}

// spots are the trials for the curve: those on the front of macro-F1 against what the target buys
// with it, and the others.
func (s *search) spots(all judge.Drawn) (front, others []Spot) {
	buys := func(p Spot) float64 {
		if s.target.Kind == Defer {
			return -p.Last
		}
		return p.Within
	}
	var spots []Spot
	for _, t := range s.trials {
		r := t.tally.Score(all)
		spots = append(spots, Spot{r.MacroF1, r.Soon, r.Last, r.Wait})
	}
	slices.SortStableFunc(spots, func(a, b Spot) int { return cmp.Or(cmp.Compare(buys(b), buys(a)), cmp.Compare(b.MacroF1, a.MacroF1)) })
	for _, p := range spots {
		if len(front) == 0 || p.MacroF1 > front[len(front)-1].MacroF1 {
			front = append(front, p)
			continue
		}
		others = append(others, p)
	}
	return front, others
}

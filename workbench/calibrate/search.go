package calibrate

import (
	"context"
	"fmt"
	"math"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/judge"
)

// Try labels the flows by a cascade of the same models. cpu is what the models would have
// computed, microseconds a flow.
type Try func(ctx context.Context, spec *cascade.Spec) (sample *judge.Sample, cpu float64, err error)

// trial is a choice that was tried.
type trial struct {
	at    point
	rules Rules
	tally *judge.Tally
	harm  []float64 // by unit: wrong where the last stage alone is right
	cpu   float64
	found Result // on the flows that the search looks at
}

// result is that of the flows that are drawn.
func (t *trial) result(alone *judge.Tally, drawn judge.Drawn) Result {
	r := Result{Score: t.tally.Score(drawn), CPU: t.cpu}
	r.Loss = alone.Score(drawn).MacroF1 - r.Score.MacroF1
	return r
}

// search looks for the rules that serve a target, by changing one rule at a time.
type search struct {
	spec   *cascade.Spec
	target Target
	space  []dimension
	try    Try
	last   *judge.Sample // the last stage alone
	alone  *judge.Tally
	on     judge.Drawn // the flows that it looks at
	most   int         // trials
	told   func(trials int)

	known  map[string]*trial
	trials []*trial
}

// ask tries a choice, or knows it. It gives nil where the search has tried enough.
func (s *search) ask(ctx context.Context, at point) (*trial, error) {
	key := fmt.Sprint(at)
	if t := s.known[key]; t != nil || len(s.trials) >= s.most {
		return t, nil
	}
	t := &trial{at: append(point(nil), at...), rules: at.rules(s.spec, s.space)}
	sample, cpu, err := s.try(ctx, With(s.spec, t.rules))
	if err != nil {
		return nil, err
	}
	t.tally, t.harm, t.cpu = sample.Tally(s.target.Soon, s.lastName()), sample.Harm(s.last), cpu
	t.found = t.result(s.alone, s.on)
	s.known[key], s.trials = t, append(s.trials, t)
	s.told(len(s.trials))
	return t, nil
}

func (s *search) lastName() string { return s.spec.Stages[len(s.spec.Stages)-1].Name }

// climb changes one rule after the other to what is better, until none is.
func (s *search) climb(ctx context.Context, from point, better func(a, b Result) bool) (*trial, error) {
	best, err := s.ask(ctx, from)
	if err != nil || best == nil {
		return best, err
	}
	const sweeps = 4
	for range sweeps {
		before := best
		for i := range s.space {
			for _, option := range s.space[i].near(best.at[i]) {
				at := append(point(nil), best.at...)
				at[i] = option
				t, err := s.ask(ctx, at)
				if err != nil {
					return nil, err
				}
				if t != nil && better(t.found, best.found) {
					best = t
				}
			}
		}
		if best == before {
			break
		}
	}
	return best, nil
}

// near are the options to try beside one.
func (d *dimension) near(at int) (out []int) {
	if !d.ordered {
		for k := range d.options {
			out = append(out, k)
		}
		return out
	}
	for _, step := range []int{-6, -2, -1, 1, 2, 6} {
		if k := at + step; k >= 0 && k < len(d.options) {
			out = append(out, k)
		}
	}
	return out
}

// run tries choices along the way from the most careful to the boldest, and then the best of them
// with the target itself in mind.
func (s *search) run(ctx context.Context) error {
	careful, bold := start(s.space), start(s.space)
	for i, d := range s.space {
		switch d.Name {
		case "threshold", "family":
			careful[i], bold[i] = 0, len(d.options)-1
		case "below":
			careful[i] = 0
		}
	}
	for _, at := range []point{start(s.space), careful, bold} {
		if _, err := s.ask(ctx, at); err != nil {
			return err
		}
	}
	if s.target.Kind == Cost {
		_, err := s.climb(ctx, s.best().at, s.target.better)
		return err
	}
	at := start(s.space)
	for _, weight := range []float64{.02, .005, .05, .1, .2, .5} {
		t, err := s.climb(ctx, at, func(a, b Result) bool { return s.target.mixed(a, weight) > s.target.mixed(b, weight)+1e-12 })
		if err != nil {
			return err
		}
		if t != nil {
			at = t.at
		}
	}
	if s.target.Kind == Risk {
		return nil
	}
	s.most += s.most / 2 // so much is kept for the end
	_, err := s.climb(ctx, s.best().at, s.target.better)
	return err
}

// best is the trial that serves the target best on the flows that the search looks at.
func (s *search) best() *trial {
	return s.bestOf(s.target, func(t *trial) Result { return t.found })
}

// bestOf is the best for a target, by other results.
func (s *search) bestOf(target Target, of func(*trial) Result) *trial {
	var best *trial
	var found Result
	for _, t := range s.trials {
		if r := of(t); best == nil || target.better(r, found) {
			best, found = t, r
		}
	}
	return best
}

// mean is that of the harms that count in a draw, and how many these are.
func mean(harm []float64, drawn judge.Drawn) (share float64, n int) {
	for unit, h := range harm {
		if drawn.Has(unit) && !math.IsNaN(h) {
			share, n = share+h, n+1
		}
	}
	return share / float64(max(n, 1)), n
}

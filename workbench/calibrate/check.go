package calibrate

import "github.com/serveflow/serveflow/workbench/judge"

// draws are how many bootstrap draws a check makes.
const draws = 100

// drawn are the results of all trials in one draw: on the captures in it, and on the others.
type drawn struct{ in, out map[*trial]Result }

// drawAll scores all trials in all draws.
func (s *search) drawAll() []drawn {
	in, out := s.alone.Draws()
	all := make([]drawn, draws)
	for i := range all {
		all[i] = drawn{map[*trial]Result{}, map[*trial]Result{}}
		for _, t := range s.trials {
			all[i].in[t], all[i].out[t] = t.result(s.alone, in[i]), t.result(s.alone, out[i])
		}
	}
	return all
}

// tighter are targets that promise more and more.
func (t Target) tighter() (all []Target) {
	const steps = 16
	for k := range steps {
		aim := t
		switch t.Kind {
		case Loss:
			aim.Bound -= .001 * float64(k)
		case Within:
			aim.Bound = min(1, aim.Bound+.005*float64(k))
		case Defer:
			aim.Bound = max(0, aim.Bound-.005*float64(k))
		default:
			return []Target{t}
		}
		all = append(all, aim)
	}
	return all
}

// aim is the least tight target for which the promise is kept in so many draws, or the one that
// keeps it most often.
func (s *search) aim(sure float64) (aim Target, check *Check) {
	all := s.drawAll()
	for _, tight := range s.target.tighter() {
		c := s.check(tight, all)
		if check == nil || c.Kept > check.Kept {
			aim, check = tight, c
		}
		if check.Kept >= sure {
			break
		}
	}
	return aim, check
}

// check looks at how the choice for a target would have turned out on other captures.
func (s *search) check(aim Target, all []drawn) *Check {
	var loss, within, last, cost []float64
	kept := 0.
	for _, d := range all {
		r := d.out[s.bestOf(aim, func(t *trial) Result { return d.in[t] })]
		if s.target.Kept(r) {
			kept++
		}
		loss, within, last, cost = append(loss, r.Loss), append(within, r.Score.Soon), append(last, r.Score.Last), append(cost, s.target.Expected(r))
	}
	return &Check{Draws: draws, Bound: aim.Bound, Kept: kept / draws, Loss: judge.Interval(loss), Within: judge.Interval(within), Last: judge.Interval(last), Cost: judge.Interval(cost)}
}

package calibrate

import (
	"cmp"
	"math"
	"slices"

	"github.com/serveflow/serveflow/workbench/judge"
)

// CapturesFor is how many captures a risk needs at least, even where no flow comes to harm: with
// fewer, so little harm could be by chance. They are those of the half that tests.
func CapturesFor(risk, sure float64) int {
	return int(math.Ceil(math.Log(1-sure) / math.Log(1-risk)))
}

// chance is a bound on the probability that n captures have a mean harm this small or smaller,
// although harm is as likely as the risk. It is Hoeffding's, with the divergence of Kullback and
// Leibler: for independent values from 0 to 1.
func chance(mean float64, n int, risk float64) float64 {
	if mean >= risk {
		return 1
	}
	divergence := (1 - mean) * math.Log((1-mean)/(1-risk))
	if mean > 0 {
		divergence += mean * math.Log(mean/risk)
	}
	return math.Exp(-float64(n) * divergence)
}

// test walks from the most careful choice to the boldest, in an order that the half a alone has
// made, and keeps the last one for which a larger risk is ruled out on the half b. As the walk ends at the
// first where it is not, no correction for many tests is needed (Learn then Test, with a fixed sequence).
// It gives nil if even the first is not.
func (s *search) test(a, b judge.Drawn) *trial {
	var kept *trial
	for _, t := range s.path(a) {
		share, n := mean(t.harm, b)
		if n == 0 || chance(share, n, s.target.Bound) > 1-s.target.Sure {
			break
		}
		kept = t
	}
	return kept
}

// path are the choices that no other one beats in both harm and worth, by growing harm.
func (s *search) path(a judge.Drawn) (front []*trial) {
	harm := map[*trial]float64{}
	for _, t := range s.trials {
		harm[t], _ = mean(t.harm, a)
	}
	all := slices.SortedStableFunc(slices.Values(s.trials), func(x, y *trial) int {
		return cmp.Or(cmp.Compare(harm[x], harm[y]), cmp.Compare(s.target.worth(y.found), s.target.worth(x.found)))
	})
	for _, t := range all {
		if len(front) == 0 || s.target.worth(t.found) > s.target.worth(front[len(front)-1].found) {
			front = append(front, t)
		}
	}
	return front
}

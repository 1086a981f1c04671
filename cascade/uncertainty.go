package cascade

import (
	"fmt"

	"github.com/serveflow/serveflow/cascade/answer"
)

// Measure says how the uncertainty is computed from calibrated probabilities. It goes from 0
// (sure) to 1.
type Measure string

const (
	// LeastConfidence is 1-p1, where p1 is the largest probability.
	LeastConfidence Measure = "least_confidence"
	// Margin is 1-(p1-p2), with the two largest probabilities.
	Margin Measure = "margin"
	// Entropy is the entropy divided by its largest possible value, log n for n classes.
	Entropy Measure = "entropy"
)

// Validate refuses an unknown measure.
func (m Measure) Validate() error {
	switch m {
	case LeastConfidence, Margin, Entropy:
		return nil
	}
	return fmt.Errorf("uncertainty %q is not known: use %s, %s or %s", m, LeastConfidence, Margin, Entropy)
}

// Of gives the uncertainty, in [0,1], of an answer whose probabilities sum to 1.
func (m Measure) Of(a *answer.Answer) float64 {
	switch m {
	case Margin:
		return 1 - a.Margin()
	case Entropy:
		return a.Entropy()
	}
	return 1 - a.At(0)
}

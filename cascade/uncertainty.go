package cascade

import (
	"fmt"
	"math"
)

// Measure says how uncertainty is read off calibrated probabilities: 0 sure, 1 clueless.
type Measure string

const (
	// LeastConfidence is 1-p1.
	LeastConfidence Measure = "least_confidence"
	// Margin is 1-(p1-p2).
	Margin Measure = "margin"
	// Entropy is the entropy over that of a uniform answer.
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

// Of gives the uncertainty of probabilities that sum to 1, in [0,1].
func (m Measure) Of(p []float64) float64 {
	first, second := bestTwo(p)
	switch m {
	case Margin:
		return 1 - (first - second)
	case Entropy:
		return entropy(p)
	}
	return 1 - first
}

func bestTwo(p []float64) (first, second float64) {
	for _, x := range p {
		if x > first {
			first, second = x, first
		} else if x > second {
			second = x
		}
	}
	return first, second
}

func entropy(p []float64) float64 {
	if len(p) < 2 {
		return 0
	}
	var h float64
	for _, x := range p {
		if x > 0 {
			h -= x * math.Log(x)
		}
	}
	return min(1, h/math.Log(float64(len(p))))
}

// Output says what a model's numbers are.
type Output string

const (
	// Scores are raw: softmax turns them into probabilities.
	Scores Output = "scores"
	// Probabilities are probabilities already.
	Probabilities Output = "probabilities"
)

// notANumber is the error of a model whose numbers are no answer. Engines that look
// for themselves have errors of their own with its method.
type notANumber string

func (e notANumber) Error() string { return string(e) }

// NotANumber marks the kind of failure.
func (notANumber) NotANumber() {}

// check refuses numbers that are not finite, and probabilities that are none.
func (o Output) check(row []float64) error {
	var sum float64
	for _, x := range row {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return notANumber("a score of the model is not a finite number")
		}
		if o == Probabilities && x < -roundOff {
			return notANumber("a probability of the model is below 0")
		}
		sum += x
	}
	if o == Probabilities && math.Abs(sum-1) > roundOff {
		return notANumber("the model's probabilities do not sum to 1")
	}
	return nil
}

// roundOff is how far probabilities in single precision may be from summing to 1.
const roundOff = 1e-3

// smallest is what a probability of 0 counts as where its logarithm is needed.
const smallest = 1e-12

// Calibrate turns one row of a model's output, in place, into calibrated
// probabilities: softmax(scores/temperature). The maximum is subtracted first,
// so that large scores do not overflow.
func Calibrate(row []float64, out Output, temperature float64) {
	if out == Probabilities {
		for i, p := range row {
			row[i] = math.Log(max(p, smallest))
		}
	}
	top := math.Inf(-1)
	for _, s := range row {
		top = max(top, s)
	}
	var sum float64
	for i, s := range row {
		row[i] = math.Exp((s - top) / temperature)
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
}

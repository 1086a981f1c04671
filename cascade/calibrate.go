package cascade

import "math"

// Output says what a model's numbers mean.
type Output string

const (
	// Scores are raw scores. Softmax turns them into probabilities.
	Scores Output = "scores"
	// Probabilities are probabilities already.
	Probabilities Output = "probabilities"
)

// notANumber is the error of a model whose numbers are no valid answer. Engines that check
// the numbers themselves have their own errors with this method.
type notANumber string

func (e notANumber) Error() string { return string(e) }

// NotANumber marks this kind of failure.
func (notANumber) NotANumber() {}

// check refuses numbers that are not finite, and probabilities that are below 0 or do not
// sum to 1.
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

// calibrate turns one row of a model's output, in place, into calibrated probabilities. It fails
// if the numbers are no valid output.
func (o Output) calibrate(row []float64, temperature float64) error {
	if err := o.check(row); err != nil {
		return err
	}
	Calibrate(row, o, temperature)
	return nil
}

// roundOff is how much the sum of probabilities in single precision may differ from 1.
const roundOff = 1e-3

// smallest replaces a probability of 0, which has no logarithm.
const smallest = 1e-12

// Calibrate turns one row of a model's output, in place, into calibrated probabilities:
// softmax(scores/temperature). It subtracts the maximum first, so large scores do not
// overflow.
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

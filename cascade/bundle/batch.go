package bundle

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/serveflow/serveflow/cascade/onnx"
)

// batchTolerance is the largest difference allowed between a row's scores alone and in a
// batch. It is relative to the row's largest score if that is above 1.
const batchTolerance = 1e-5

// batchRemedy names what usually makes a row depend on its batch.
const batchRemedy = "a flow's label would depend on the flows that are scored with it. Likely causes: dynamic quantisation, " +
	"batch normalisation in training mode, a reduction over the batch axis; quantise statically or not at all, " +
	"export in evaluation mode (model.eval()), reduce over columns only"

// chanceRemedy is for a model that is not asked for the same thing twice.
const chanceRemedy = "its scores are a matter of chance, as of dropout or noise in training mode; export in evaluation mode (model.eval())"

// companyValues fill rows that are asked together with the parity rows, because a parity
// file may have one row only, or rows that are alike.
var companyValues = [...]float32{-1, 0, 255, 65535}

// fullBatch is how many rows the slow stage asks for at most.
const fullBatch = 32

// checkBatches refuses a model of which a row's scores depend on the rows that are scored
// with it, or on chance. The stage's parity rows are asked alone and in batches, each in
// both orders. numbers are the rows' places in the parity file, from 1. Rows that the
// model does not answer alone are left to the other checks. names are the classes.
func (s *Stage) checkBatches(rows [][]float32, numbers []int, names []string) error {
	width, classes := s.Model.Width(), s.Model.Classes()
	rows = rows[:len(rows):len(rows)]
	for i := range numbers {
		rows = append(rows, halved(rows[i]))
	}
	alike := len(rows)
	for _, value := range companyValues {
		rows = append(rows, slices.Repeat([]float32{value}, width))
	}
	alone := make([][]float64, len(rows)) // nil without an answer
	var answered []int                    // positions in rows
	for i, row := range rows {
		scores := make([]float64, classes)
		err := errors.New("of another width")
		if len(row) == width {
			err = s.Model.Predict(row, 1, scores)
		}
		if errors.Is(err, onnx.ErrLate) {
			return nil
		}
		if err == nil {
			alone[i], answered = scores, append(answered, i)
		}
	}
	for i, number := range numbers {
		again := make([]float64, classes)
		if alone[i] == nil || s.Model.Predict(rows[i], 1, again) != nil {
			continue
		}
		if c := differ(alone[i], again); c >= 0 {
			return fmt.Errorf("row %d, stage %s: class %s: %v, and %v when it is asked again: %s",
				number, s.Spec.Name, names[c], alone[i][c], again[c], chanceRemedy)
		}
	}
	for _, order := range batches(answered, len(numbers), alike) {
		together, err := s.predictInOrder(rows, order)
		if err != nil {
			return fmt.Errorf("%d rows get scores one by one, but not as one batch: %w; export the model with a free number of rows", len(order), err)
		}
		for at, i := range order {
			if i >= len(numbers) { // company
				continue
			}
			got := together[at*classes : (at+1)*classes]
			if c := differ(alone[i], got); c >= 0 {
				return fmt.Errorf("row %d, stage %s: class %s: %v alone, but %v in a batch of %d rows: %s",
					numbers[i], s.Spec.Name, names[c], alone[i][c], got[c], min(len(order), fullBatch), batchRemedy)
			}
		}
	}
	return nil
}

// halved gives company that is like a row, and not the same.
func halved(row []float32) []float32 {
	half := slices.Clone(row)
	for i := range half {
		half[i] /= 2
	}
	return half
}

// batches gives the batches to ask for, as positions of rows that have an answer: the
// first parity are the parity rows, those up to alike their halves. One batch is of the
// parity rows and the company that is unlike them, one of the parity rows and their
// halves, often enough for a full batch. Each is needed: beside values that are far away,
// the others may make no difference.
func batches(answered []int, parity, alike int) (all [][]int) {
	var far, near []int
	for _, i := range answered {
		if i < parity || i >= alike {
			far = append(far, i)
		}
		if i < alike {
			near = append(near, i)
		}
	}
	for once := near; len(near) > 0 && len(near) < fullBatch; {
		near = append(near[:len(near):len(near)], once...)
	}
	for _, order := range [][]int{far, near} {
		back := slices.Clone(order)
		slices.Reverse(back)
		all = append(all, order, back)
	}
	return all
}

// predictInOrder asks for rows as one batch, in the order of their positions.
func (s *Stage) predictInOrder(rows [][]float32, order []int) ([]float64, error) {
	x := make([]float32, 0, len(order)*s.Model.Width())
	for _, i := range order {
		x = append(x, rows[i]...)
	}
	out := make([]float64, len(order)*s.Model.Classes())
	return out, s.Model.Predict(x, len(order), out)
}

// differ gives a class whose score differs between two answers for a row by more than the
// tolerance, or that wins in the first one only; -1 if there is none.
func differ(a, b []float64) int {
	scale := 1.0
	for _, v := range a {
		scale = max(scale, math.Abs(v))
	}
	for c := range a {
		if !(math.Abs(a[c]-b[c])/scale <= batchTolerance) {
			return c
		}
	}
	if w := winner(a); w != winner(b) {
		return w
	}
	return -1
}

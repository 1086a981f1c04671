package bundle

import (
	"errors"
	"fmt"
	"math"

	"github.com/serveflow/serveflow/cascade/onnx"
)

// edgeValues are the values that checkEdges fills rows with. A feature that is absent is -1.
var edgeValues = [...]float32{-1, 0, 1, 255, 65535, 1 << 31, -1 << 31, math.SmallestNonzeroFloat32, math.MaxFloat32,
	-math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// mustAnswer is how many of the edge values, from the first, can fill a flow's row.
const mustAnswer = 2

// checkEdges calls the model with rows that are not in any training data, one by one and
// together. A flow whose features are all absent, or all 0, must get scores. For the
// other rows an error is allowed, if it comes in time.
func (s *Stage) checkEdges() error {
	n, width, classes := len(edgeValues), s.Model.Width(), s.Model.Classes()
	rows, scores := make([]float32, n*width), make([]float64, n*classes)
	for i := range rows {
		rows[i] = edgeValues[i/width]
	}
	for i, value := range edgeValues {
		err := s.Model.Predict(rows[i*width:(i+1)*width], 1, scores[:classes])
		if err != nil && (i < mustAnswer || errors.Is(err, onnx.ErrLate)) {
			return fmt.Errorf("no scores for a flow whose features are all %v: %w", value, err)
		}
	}
	if err := s.Model.Predict(rows, n, scores); errors.Is(err, onnx.ErrLate) {
		return fmt.Errorf("no scores for a batch: %w", err)
	}
	for i := range rows { // rows with different values in neighbouring columns
		rows[i] = edgeValues[(i*7+i/width)%n]
	}
	if err := s.Model.Predict(rows, n, scores); errors.Is(err, onnx.ErrLate) {
		return fmt.Errorf("no scores for a batch: %w", err)
	}
	return nil
}

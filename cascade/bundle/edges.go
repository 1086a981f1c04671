package bundle

import (
	"errors"
	"fmt"
	"math"

	"github.com/serveflow/serveflow/cascade/onnx"
)

// edges are the values that askEdges fills rows with; a feature that is absent is -1.
var edges = [...]float32{-1, 0, 1, 255, 65535, 1 << 31, -1 << 31, math.SmallestNonzeroFloat32, math.MaxFloat32,
	-math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}

// mustAnswer is how many of the edges are rows that a flow may have.
const mustAnswer = 2

// askEdges asks the model for rows that no training data has, one by one and together.
// For a flow without features, or with zeros alone, there must be scores. For the
// others an error is an answer too: what counts is that it comes.
func (s *Stage) askEdges() error {
	n, width, classes := len(edges), s.Model.Width(), s.Model.Classes()
	rows, scores := make([]float32, n*width), make([]float64, n*classes)
	for i := range rows {
		rows[i] = edges[i/width]
	}
	for i, value := range edges {
		err := s.Model.Predict(rows[i*width:(i+1)*width], 1, scores[:classes])
		if err != nil && (i < mustAnswer || errors.Is(err, onnx.ErrLate)) {
			return fmt.Errorf("no scores for a flow whose features are all %v: %w", value, err)
		}
	}
	if err := s.Model.Predict(rows, n, scores); errors.Is(err, onnx.ErrLate) {
		return fmt.Errorf("no scores for a batch: %w", err)
	}
	for i := range rows { // neighbours that differ
		rows[i] = edges[(i*7+i/width)%n]
	}
	if err := s.Model.Predict(rows, n, scores); errors.Is(err, onnx.ErrLate) {
		return fmt.Errorf("no scores for a batch: %w", err)
	}
	return nil
}

package memo

import (
	"math"
	"slices"
	"sync/atomic"
)

// Predictor is a model: it scores n rows, one after the other, into as many scores for each. What
// it says of a row must not depend on the rows beside it, nor on when it is asked.
type Predictor interface {
	Predict(rows []float32, n int, out []float64) error
}

// slots is how many rows are remembered, at most. Of the 63,996 first packets of load/trace 88%
// are found again among so many, and 90% among four times as many.
const slots = 1 << slotBits

const slotBits = 12

// Model asks another model, and remembers what it said. It is safe for concurrent use if the
// other is.
type Model struct {
	of    Predictor
	known []atomic.Pointer[entry] // each row has one place; a later row takes it
}

// entry is a row, and what the model said of it. It does not change.
type entry struct {
	row    []float32
	scores []float64
}

// New builds a model that asks of.
func New(of Predictor) *Model { return &Model{of: of, known: make([]atomic.Pointer[entry], slots)} }

// Predict gives the scores that the other model gives. Of several rows, each is looked for and
// asked about alone. A failure is not remembered.
func (m *Model) Predict(rows []float32, n int, out []float64) error {
	if n == 0 {
		return m.of.Predict(rows, n, out)
	}
	width, scores := len(rows)/n, len(out)/n
	for i := range n {
		if err := m.predict(rows[i*width:(i+1)*width], out[i*scores:(i+1)*scores]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) predict(row []float32, out []float64) error {
	at := &m.known[place(row)]
	if e := at.Load(); e != nil && len(e.scores) == len(out) && same(e.row, row) {
		copy(out, e.scores)
		return nil
	}
	if err := m.of.Predict(row, 1, out); err != nil {
		return err
	}
	at.Store(&entry{slices.Clone(row), slices.Clone(out)})
	return nil
}

// place is where a row is remembered. A product's high bits depend on all bits of its factors.
func place(row []float32) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	var h uint64
	for _, x := range row {
		h = (h ^ uint64(math.Float32bits(x))) * odd
		h ^= h >> 32
	}
	return h * odd >> (64 - slotBits)
}

// same compares bits, so that a value that is no number equals itself, and 0 is not -0.
func same(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

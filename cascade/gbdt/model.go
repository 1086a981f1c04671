// Package gbdt scores rows with boosted trees of LightGBM: by package trees, or by the leaves
// library where a model has splits by category, a value that counts as missing, or large trees. Both
// give the same scores to the last bit.
//
// leaves trusts its input: with a damaged file it may panic, loop for ever, exhaust
// memory or silently give wrong scores. So this package checks the whole file first, and
// gives leaves a new text that has only the checked fields.
package gbdt

import (
	"bufio"
	"bytes"
	"fmt"
	"sync"

	"github.com/dmitryikh/leaves"

	"github.com/serveflow/serveflow/cascade/trees"
)

// Model is a checked LightGBM model of two classes or more. It is safe for concurrent use.
type Model struct {
	forest      *trees.Forest    // nil: walked has to do it
	walked      *leaves.Ensemble // nil: forest does it
	names       []string
	scores      int   // of a row; one for two classes
	numeric     []int // columns that trees split by a threshold
	categorical []int // columns that trees split by category
	rows        sync.Pool
}

// Load reads a model in LightGBM's text format (version v2, v3 or v4, objective
// multiclass or binary), as save_model writes it. An error has the line, the tree, what is wrong
// there and the remedy. data may be reused afterwards.
func Load(data []byte) (*Model, error) {
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("gbdt: %w", err)
	}
	m := &Model{names: f.names, scores: f.scores}
	if !f.walked {
		for i := range f.trees {
			f.trees[i].Score = i % f.scores // a round has a tree for each
		}
		m.forest = trees.New(f.trees, trees.Arithmetic{})
		return m, nil
	}
	if err := m.walk(f); err != nil {
		return nil, fmt.Errorf("gbdt: leaves refused a checked model: %w; %s", err, saveAgain)
	}
	return m, nil
}

// walk has leaves walk down the trees.
func (m *Model) walk(f *file) (err error) {
	if m.walked, err = readTrees(f.text.Bytes()); err != nil {
		return err
	}
	for column, use := range f.uses {
		switch use {
		case byThreshold:
			m.numeric = append(m.numeric, column)
		case byCategory:
			m.categorical = append(m.categorical, column)
		}
	}
	m.rows.New = func() any {
		row := make([]float64, len(m.names))
		return &row
	}
	return nil
}

// readTrees gives the text to leaves. It asks for raw scores, because the softmax of leaves
// overflows.
func readTrees(text []byte) (e *leaves.Ensemble, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return leaves.LGEnsembleFromReader(bufio.NewReader(bytes.NewReader(text)), false)
}

// Classes is the number of scores for each row, two at least.
func (m *Model) Classes() int { return max(m.scores, 2) }

// Width is the number of features in a row.
func (m *Model) Width() int { return len(m.names) }

// FeatureNames gives the names in the model file, in the order of the columns.
func (m *Model) FeatureNames() []string { return append([]string(nil), m.names...) }

// Predict scores n rows. rows has n*Width features, row by row; a missing one is NaN. out
// takes n*Classes raw scores: sums of leaf values, before any softmax. With objective
// binary the first class's is 0, and the softmax of both is the sigmoid of the second's.
// Other lengths are an error, and out is not changed then.
func (m *Model) Predict(rows []float32, n int, out []float64) error {
	width, classes := len(m.names), m.Classes()
	if n < 0 || len(rows) != n*width || len(out) != n*classes {
		return fmt.Errorf("gbdt: %d rows of %d features and %d classes need %d values and room for %d scores, not %d and %d",
			n, width, classes, n*width, n*classes, len(rows), len(out))
	}
	if m.forest == nil {
		return m.predictWalking(rows, n, out)
	}
	if m.scores > 1 {
		m.forest.Predict(rows, n, out)
		return nil
	}
	for i := range n {
		out[2*i] = 0
		m.forest.Predict(rows[i*width:(i+1)*width], 1, out[2*i+1:2*i+2])
	}
	return nil
}

// predictWalking is Predict by leaves, for lengths that fit.
func (m *Model) predictWalking(rows []float32, n int, out []float64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gbdt: predict: panic: %v", p)
		}
	}()
	width, classes := len(m.names), m.Classes()
	row := m.rows.Get().(*[]float64)
	defer m.rows.Put(row)
	for i := range n {
		m.fill(*row, rows[i*width:(i+1)*width])
		scores := out[i*classes : (i+1)*classes]
		if m.scores == 1 {
			scores[0], scores = 0, scores[1:]
		}
		if err := m.walked.Predict(*row, 0, scores); err != nil {
			return fmt.Errorf("gbdt: predict: %w", err)
		}
	}
	return nil
}

// fill copies the columns that trees look at. leaves converts a category to int32 without
// checking its range, so a value outside of it becomes -1. That is no category either, and
// LightGBM sends both to the right child.
func (m *Model) fill(dst []float64, src []float32) {
	for _, column := range m.numeric {
		dst[column] = float64(src[column])
	}
	for _, column := range m.categorical {
		value := float64(src[column])
		if !(value > -1 && value < 1<<31) {
			value = -1
		}
		dst[column] = value
	}
}

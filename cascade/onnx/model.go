package onnx

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/serveflow/serveflow/cascade/trees"
)

// maxBatch is how many rows run at once. Larger batches are not faster.
const maxBatch = 32

// ErrLate is in the error of a model that did not answer within Config.Timeout.
var ErrLate = errors.New("the model is too slow or does not end")

var errClosed = errors.New("the model is closed")

// Model is a checked ONNX model. It is safe for concurrent use.
type Model struct {
	width         int
	scores        int // of the graph for a row; one for two classes
	probabilities bool
	timeout       time.Duration

	open    sync.RWMutex // read-locked by each run; Close waits for them
	closed  bool
	session *ort.DynamicAdvancedSession // nil where forest serves in its place
	forest  *trees.Forest               // nil: it does not

	mu   sync.Mutex
	free []*slot // those that no run uses now
}

// Classes is the number of scores for each row, two at least.
func (m *Model) Classes() int { return max(m.scores, 2) }

// Width is the number of features in a row.
func (m *Model) Width() int { return m.width }

// NeedsLibrary reports whether ONNX Runtime serves the model, and not package trees in its place.
func (m *Model) NeedsLibrary() bool { return m.forest == nil }

// Predict scores n rows. rows has n*Width features, row by row; out takes n*Classes scores
// of the model, converted from float32. Other lengths, a score that is not a finite
// number, and a model that takes longer than the timeout are errors. The content of out is
// not defined then.
func (m *Model) Predict(rows []float32, n int, out []float64) error {
	classes := m.Classes()
	if n < 0 || len(rows) != n*m.width || len(out) != n*classes {
		return fmt.Errorf("onnx: %d rows of %d features and %d classes need %d values and room for %d scores, not %d and %d",
			n, m.width, classes, n*m.width, n*classes, len(rows), len(out))
	}
	for at := 0; at < n; at += maxBatch {
		end := min(at+maxBatch, n)
		scores := out[at*classes : end*classes]
		if err := m.run(rows[at*m.width:end*m.width], end-at, scores[:(end-at)*m.scores]); err != nil {
			return fmt.Errorf("onnx: %w", err)
		}
		if m.scores == 1 {
			m.addFirstClass(scores)
		}
		for i, s := range scores {
			if math.IsNaN(s) || math.IsInf(s, 0) {
				return &scoreError{at + i/classes, i % classes, s}
			}
		}
	}
	return nil
}

// addFirstClass makes two scores of each one, in place. The first half of scores has the
// second class's scores (Config.Probabilities says what the first class gets).
func (m *Model) addFirstClass(scores []float64) {
	for i := len(scores)/2 - 1; i >= 0; i-- { // from the end: no score is overwritten before it is read
		second, first := scores[i], 0.0
		if m.probabilities {
			first = 1 - second
		}
		scores[2*i], scores[2*i+1] = first, second
	}
}

// scoreError says that a score is not a finite number.
type scoreError struct {
	row, class int
	score      float64
}

func (e *scoreError) Error() string {
	return fmt.Sprintf("onnx: row %d: the score of class %d is %v", e.row, e.class, e.score)
}

// NotANumber marks this kind of failure, so that it can be counted apart.
func (e *scoreError) NotANumber() {}

// run scores up to maxBatch rows; out takes the scores of the graph.
func (m *Model) run(rows []float32, n int, out []float64) error {
	m.open.RLock()
	defer m.open.RUnlock()
	if m.closed {
		return errClosed
	}
	if m.forest != nil {
		m.forest.Predict(rows, n, out)
		return nil
	}
	s, err := m.take()
	if err != nil {
		return err
	}
	defer m.giveBack(s)
	t, err := s.tensors(n, m.width, m.scores)
	if err != nil {
		return err
	}
	copy(s.rows, rows)
	late := s.stopAfter(m.timeout)
	err = m.session.RunWithOptions(t.in, t.out, s.options)
	if late() && err != nil {
		return fmt.Errorf("no answer in %v; %w", m.timeout, ErrLate)
	}
	if err != nil {
		return oneLine(err)
	}
	for i, score := range s.scores[:n*m.scores] {
		out[i] = float64(score)
	}
	return nil
}

// take gives a free slot, or a new one if there is none.
func (m *Model) take() (*slot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := len(m.free) - 1; last >= 0 {
		s := m.free[last]
		m.free = m.free[:last]
		return s, nil
	}
	return newSlot(m.width, m.scores)
}

func (m *Model) giveBack(s *slot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, s)
}

// Close waits for the calls of Predict that are under way, and frees the model. Later calls
// get an error. Closing twice is harmless.
func (m *Model) Close() error {
	m.open.Lock()
	defer m.open.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if m.session == nil {
		return nil
	}
	err := errors.Join(m.closeSession(), release())
	trim()
	return err
}

// closeSession frees what ONNX Runtime holds for the model.
func (m *Model) closeSession() error {
	for _, s := range m.free {
		s.destroy()
	}
	err := m.session.Destroy()
	m.free, m.session = nil, nil
	return err
}

// oneLine joins the lines of ONNX Runtime's messages, and leaves out in which line of which
// function of its source they were written.
func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(sourceLine.ReplaceAllString(err.Error(), "")), " "))
}

var sourceLine = regexp.MustCompile(`/\S+\.(?:cc|h):\d+ [^()\n]*\([^()\n]*\)(?: const)? `)

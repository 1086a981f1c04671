package rerun

import (
	"sync"
	"time"
	"unsafe"

	"github.com/serveflow/serveflow/cascade"
)

// Memo remembers what models said of rows, so that a cascade whose rules alone differ costs no
// computing. It counts what the models are asked.
type Memo struct {
	mu     sync.Mutex
	models []*remembering
}

// Asked is how often a model was asked, and what an answer took when it was not yet known.
type Asked struct {
	Model string // stage, or side model
	Rows  int
	Each  time.Duration // of those that were computed, the mean
}

// Remember gives the same cascade with models that remember.
func (m *Memo) Remember(spec *cascade.Spec) *cascade.Spec {
	own := *spec
	own.Stages = append([]cascade.Stage(nil), spec.Stages...)
	for i := range own.Stages {
		s := &own.Stages[i]
		s.Model = m.wrap(s.Name, s.Model, len(spec.Classes))
		if s.Hazard != nil {
			hazard, side := *s.Hazard, *s.Hazard.Model
			side.Model = m.wrap(side.Name, side.Model, 2)
			hazard.Model, s.Hazard = &side, &hazard
		}
		if s.Novelty != nil && s.Novelty.Model != nil {
			novelty, side := *s.Novelty, *s.Novelty.Model
			side.Model = m.wrap(side.Name, side.Model, 2)
			novelty.Model, s.Novelty = &side, &novelty
		}
	}
	return &own
}

func (m *Memo) wrap(name string, model cascade.Model, classes int) cascade.Model {
	r := &remembering{memo: m, name: name, model: model, classes: classes, said: map[string][]float64{}}
	m.models = append(m.models, r)
	return r
}

// Take gives what was asked since the last call, by model.
func (m *Memo) Take() (all []Asked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.models {
		a := Asked{Model: r.name, Rows: r.asked}
		if n := len(r.said); n > 0 {
			a.Each = r.spent / time.Duration(n)
		}
		all = append(all, a)
		r.asked = 0
	}
	return all
}

// remembering is a model that computes each row once, alone: so an answer does not depend on the
// rows beside it.
type remembering struct {
	memo    *Memo
	name    string
	model   cascade.Model
	classes int
	said    map[string][]float64 // by the bytes of the row
	spent   time.Duration
	asked   int
}

// Predict implements cascade.Model. A failure is not remembered.
func (r *remembering) Predict(rows []float32, n int, out []float64) error {
	r.memo.mu.Lock()
	defer r.memo.mu.Unlock()
	r.asked += n
	width := len(rows) / n
	for i := range n {
		row, answer := rows[i*width:(i+1)*width], out[i*r.classes:(i+1)*r.classes]
		key := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), 4*width)
		if known, ok := r.said[string(key)]; ok {
			copy(answer, known)
			continue
		}
		began := time.Now()
		if err := r.model.Predict(row, 1, answer); err != nil {
			return err
		}
		r.spent += time.Since(began)
		r.said[string(key)] = append([]float64(nil), answer...)
	}
	return nil
}

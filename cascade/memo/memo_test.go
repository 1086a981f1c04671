package memo

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// model is one whose scores tell the row that it was asked about.
type model struct {
	mu    sync.Mutex
	asked int
	fault error
}

func (m *model) Predict(rows []float32, n int, out []float64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked += n
	if m.fault != nil {
		return m.fault
	}
	copy(out, want(rows))
	return nil
}

// want has another bit for each value's bits and place, in two scores.
func want(row []float32) []float64 {
	out := []float64{1, 1}
	for i, x := range row {
		out[i%2] = out[i%2]*31 + float64(math.Float32bits(x))
	}
	return out
}

// Many more rows than there are places, again and again from several goroutines: each gets its
// own scores, and most are asked about once.
func TestScoresAreTheModels(t *testing.T) {
	of := &model{}
	m := New(of)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			row, out := make([]float32, 6), make([]float64, 2)
			for range 50_000 {
				for i := range row {
					row[i] = float32(rng.IntN(6))
				}
				if rng.IntN(4) > 0 { // three of four rows are of eight
					clear(row[1:])
				}
				if err := m.Predict(row, 1, out); err != nil || !slices.Equal(out, want(row)) {
					t.Errorf("%v: got %v, want %v; %v", row, out, want(row), err)
					return
				}
			}
		})
	}
	wg.Wait()
	if asked := float64(of.asked); asked < 20_000 || asked > 80_000 {
		t.Errorf("asked %v times about 200,000 rows, of which about 50,000 are rare", asked)
	}
}

// A value that is no number is found again, and -0 is not 0: the bits count.
func TestBitsCount(t *testing.T) {
	of := &model{}
	m := New(of)
	nan, negative := float32(math.NaN()), float32(math.Copysign(0, -1))
	for i, row := range [][]float32{{0, 1}, {negative, 1}, {nan, 1}, {nan, 1}, {0, 1}, {1, 0}} {
		out := make([]float64, 2)
		if err := m.Predict(row, 1, out); err != nil || !slices.Equal(out, want(row)) {
			t.Errorf("row %d: %v, %v", i, out, err)
		}
	}
	if of.asked != 4 {
		t.Errorf("asked %d times about 4 different rows", of.asked)
	}
}

// Rows that come together are looked for one by one.
func TestSeveralRows(t *testing.T) {
	of := &model{}
	m := New(of)
	rows := []float32{1, 2, 3, 4, 1, 2}
	out := make([]float64, 6)
	if err := m.Predict(rows, 3, out); err != nil || of.asked != 2 {
		t.Errorf("asked %d times, %v", of.asked, err)
	}
	if all := slices.Concat(want(rows[:2]), want(rows[2:4]), want(rows[:2])); !slices.Equal(out, all) {
		t.Errorf("%v, want %v", out, all)
	}
	if err := m.Predict(nil, 0, nil); err != nil {
		t.Error(err)
	}
}

// A model that fails is asked again.
func TestFailuresAreNotRemembered(t *testing.T) {
	of := &model{fault: errors.New("no")}
	m := New(of)
	row, out := []float32{1}, make([]float64, 2)
	for range 2 {
		if err := m.Predict(row, 1, out); !errors.Is(err, of.fault) {
			t.Errorf("%v", err)
		}
	}
	of.fault = nil
	if err := m.Predict(row, 1, out); err != nil || of.asked != 3 {
		t.Errorf("asked %d times, %v", of.asked, err)
	}
}

// What a row costs that is found again, and one that never is.
func BenchmarkPredict(b *testing.B) {
	row, out := make([]float32, 26), make([]float64, 14)
	nothing := predictor(func() {})
	b.Run("found", func(b *testing.B) {
		m := New(nothing)
		b.ReportAllocs()
		for b.Loop() {
			_ = m.Predict(row, 1, out)
		}
	})
	b.Run("new", func(b *testing.B) {
		m := New(nothing)
		b.ReportAllocs()
		for b.Loop() {
			row[3]++
			_ = m.Predict(row, 1, out)
		}
	})
}

type predictor func()

func (predictor) Predict([]float32, int, []float64) error { return nil }

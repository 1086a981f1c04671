package onnx_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

func TestPredictChecksLengths(t *testing.T) {
	m := load(t, onnxtest.Start(t), "mlp", "scores")
	for _, c := range []struct {
		name          string
		rows, n, outs int
	}{
		{"row too short", 23, 1, 5},
		{"row too long", 25, 1, 5},
		{"out too short", 24, 1, 4},
		{"out too long", 24, 1, 6},
		{"fewer rows than told", 24, 2, 10},
		{"negative", 24, -1, 5},
	} {
		err := m.Predict(make([]float32, c.rows), c.n, make([]float64, c.outs))
		if err == nil || !strings.Contains(err.Error(), "features") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := m.Predict(nil, 0, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestScoresThatAreNoNumbers(t *testing.T) {
	m := load(t, onnxtest.Start(t), "nan", "scores")
	rows := make([]float32, 40*3)
	predict(t, m, rows, 40)
	rows[34*3+1] = -1
	err := m.Predict(rows, 40, make([]float64, 40*3))
	if err == nil || err.Error() != "onnx: row 34: the score of class 1 is NaN" {
		t.Fatal(err)
	}
}

func TestModelThatDoesNotEnd(t *testing.T) {
	r := onnxtest.Start(t)
	m, err := r.Load(read(t, "endless"), onnx.Config{Input: "features", Output: "scores", Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for range 3 { // and the slot serves again after it
		err = m.Predict([]float32{1, 2, 3}, 1, make([]float64, 3))
		if err == nil || err.Error() != "onnx: no answer in 50ms; the model is too slow or does not end" {
			t.Fatal(err)
		}
		predict(t, m, []float32{0, -1, -2}, 1)
	}
}

// A slot is used again, so a call allocates little.
func TestPredictReusesItsBuffers(t *testing.T) {
	m := load(t, onnxtest.Start(t), "mlp", "scores")
	row, out := make([]float32, m.Width()), make([]float64, m.Classes())
	if n := testing.AllocsPerRun(50, func() { m.Predict(row, 1, out) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func TestPredictConcurrently(t *testing.T) {
	m := load(t, onnxtest.Start(t), "mlp", "scores")
	rows, want, n := table(t, "mlp", m.Width())
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			got := make([]float64, len(want))
			for range 5 {
				if err := m.Predict(rows, n, got); err != nil {
					t.Error(err)
				}
				for i := range got {
					if d := got[i] - want[i]; d > 1e-5 || d < -1e-5 {
						t.Errorf("worker %d: another answer in parallel", worker)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// A bundle is replaced while flows are under way: runs end well or say that the
// model is closed.
func TestCloseDuringPredict(t *testing.T) {
	m := load(t, onnxtest.Start(t), "mlp", "scores")
	rows, _, n := table(t, "mlp", m.Width())
	var wg sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			out := make([]float64, n*m.Classes())
			started <- struct{}{}
			for {
				if err := m.Predict(rows, n, out); err != nil {
					if err.Error() != "onnx: the model is closed" {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := m.Close(); err != nil {
		t.Error("closed twice:", err)
	}
}

func BenchmarkPredict(b *testing.B) {
	r := onnxtest.Start(b)
	for _, c := range answered {
		m := load(b, r, c.name, c.output)
		rows, _, _ := table(b, c.name, m.Width())
		for _, size := range []int{1, 32} {
			b.Run(c.name+map[int]string{1: "/1", 32: "/32"}[size], func(b *testing.B) {
				out := make([]float64, size*m.Classes())
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Predict(rows[:size*m.Width()], size, out); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

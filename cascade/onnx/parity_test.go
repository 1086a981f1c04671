package onnx_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// answered are the models of testdata/make.py that have ONNX Runtime's answers in
// Python beside them.
var answered = []struct{ name, output string }{{"mlp", "scores"}, {"trees", "probabilities"}}

func TestScoresEqualPython(t *testing.T) {
	r := onnxtest.Start(t)
	for _, c := range answered {
		t.Run(c.name, func(t *testing.T) {
			m := load(t, r, c.name, c.output)
			rows, want, n := table(t, c.name, m.Width())
			if n < 1000 || len(want) != n*m.Classes() {
				t.Fatalf("%d rows, %d scores", n, len(want))
			}
			got := predict(t, m, rows, n)
			t.Logf("%d rows, largest difference %g", n, compare(t, got, want, m.Classes(), 1e-5))
		})
	}
}

// A row's scores must not hang on its company.
func TestBatchesAgree(t *testing.T) {
	r := onnxtest.Start(t)
	for _, c := range answered {
		t.Run(c.name, func(t *testing.T) {
			m := load(t, r, c.name, c.output)
			rows, _, n := table(t, c.name, m.Width())
			whole := predict(t, m, rows, n) // batches of 32, and one of 8 at the end
			var single []float64
			for i := range n {
				single = append(single, predict(t, m, rows[i*m.Width():(i+1)*m.Width()], 1)...)
			}
			t.Logf("largest difference %g", compare(t, single, whole, m.Classes(), 1e-6))
			for size := 2; size <= 33; size++ {
				compare(t, predict(t, m, rows[:size*m.Width()], size), whole[:size*m.Classes()], m.Classes(), 1e-6)
			}
		})
	}
}

// compare fails where a score is off by more than limit or another class wins.
func compare(t *testing.T, got, want []float64, classes int, limit float64) (worst float64) {
	t.Helper()
	for i := range got {
		diff := math.Abs(got[i] - want[i])
		worst = max(worst, diff)
		if !(diff <= limit) {
			t.Fatalf("row %d, class %d: got %v, want %v", i/classes, i%classes, got[i], want[i])
		}
	}
	for i := 0; i < len(got); i += classes {
		if g, w := winner(got[i:i+classes]), winner(want[i:i+classes]); g != w {
			t.Fatalf("row %d: class %d wins, not %d", i/classes, g, w)
		}
	}
	return worst
}

func winner(scores []float64) int {
	best := 0
	for i, s := range scores {
		if s > scores[best] {
			best = i
		}
	}
	return best
}

func predict(t testing.TB, m *onnx.Model, rows []float32, n int) []float64 {
	t.Helper()
	out := make([]float64, n*m.Classes())
	if err := m.Predict(rows, n, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func load(t testing.TB, r *onnx.Runtime, name, output string) *onnx.Model {
	t.Helper()
	m, err := r.Load(read(t, name), onnx.Config{Input: "features", Output: output})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".onnx")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// table reads rows and scores of testdata/NAME.csv.gz.
func table(t testing.TB, name string, width int) (rows []float32, scores []float64, n int) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		for i, text := range line {
			v, err := strconv.ParseFloat(text, 32)
			if err != nil {
				t.Fatal(err)
			}
			if i < width {
				rows = append(rows, float32(v))
			} else {
				scores = append(scores, v)
			}
		}
	}
	return rows, scores, len(lines) - 1
}

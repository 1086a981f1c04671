package onnx_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// exported are models of testdata/exporters, as their libraries' exporters write them,
// with the library's own answers beside them.
var exported = []struct {
	name, input, output string
	probabilities       bool
}{
	{"sklearn_forest", "X", "probabilities", true},
	{"sklearn_forest", "X", "", true}, // the other output is the label
	{"sklearn_forest_two", "X", "", true},
	{"sklearn_logistic", "X", "", true},
	{"sklearn_mlp", "X", "", true},
	{"xgboost", "input", "", true},
	{"xgboost_two", "input", "probabilities", true},
	{"torch", "features", "scores", false},
	{"torch_two", "features", "", false},
	{"torch_two_sigmoid", "features", "", true},
	{"tensorflow", "features", "scores", true},
	{"tensorflow_two", "features", "scores", true},
}

func TestExporters(t *testing.T) {
	r := onnxtest.Start(t)
	for _, c := range exported {
		t.Run(c.name+" "+c.output, func(t *testing.T) {
			m, err := r.Load(read(t, "exporters/"+c.name), onnx.Config{Input: c.input, Output: c.output, Probabilities: c.probabilities})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			rows, want := answers(t, c.name)
			n := len(want)
			var flat []float64
			for _, scores := range want {
				if len(scores) == 1 && c.probabilities {
					scores = []float64{1 - scores[0], scores[0]}
				} else if len(scores) == 1 {
					scores = []float64{0, scores[0]}
				}
				flat = append(flat, scores...)
			}
			if len(flat) != n*m.Classes() {
				t.Fatalf("%d classes, %d scores for %d rows", m.Classes(), len(flat), n)
			}
			compare(t, predict(t, m, rows, n), flat, m.Classes(), 1e-5)
			many := predict(t, m, slices.Repeat(rows, 4), 4*n) // more than one batch
			compare(t, many, slices.Repeat(flat, 4), m.Classes(), 1e-5)
		})
	}
}

// answers reads rows, one after the other, and answers of testdata/exporters/NAME.json.
func answers(t *testing.T, name string) (rows []float32, answers [][]float64) {
	t.Helper()
	data, err := os.ReadFile("testdata/exporters/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Rows    [][]float32
		Answers [][]float64
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(file.Rows...), file.Answers
}

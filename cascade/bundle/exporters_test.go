package bundle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// fromExporter makes a bundle of a model of cascade/onnx/testdata/exporters. Its parity
// rows are what the exporter's library answered. first gives the score of the first class to a
// model that answers one number.
func fromExporter(t *testing.T, name, input, kind string, first func(second float64) float64) (dir string) {
	dir = copyBundle(t, "quantized-dynamic")
	write(t, dir, "m.onnx", read(t, "../onnx/testdata/exporters", name+".onnx"))
	var file struct {
		Rows    [][]float32
		Answers [][]float64
	}
	if err := json.Unmarshal(read(t, "../onnx/testdata/exporters", name+".json"), &file); err != nil {
		t.Fatal(err)
	}
	var rows []any
	for i, x := range file.Rows {
		scores := file.Answers[i]
		if len(scores) == 1 {
			scores = []float64{first(scores[0]), scores[0]}
		}
		rows = append(rows, object{"stage": "conn", "x": x, "scores": scores})
	}
	classes := []string{"a", "b", "c"}[:max(2, len(file.Answers[0]))]
	all(set("classes", classes), setStage(0, "input", input), setStage(0, "output_name", nil), setStage(0, "output", kind))(t, dir)
	edit(t, dir, "parity.json", func(p object) { p["classes"], p["rows"] = classes, rows })
	seal(t, dir, "m.onnx")
	seal(t, dir, "parity.json")
	return dir
}

func TestExporters(t *testing.T) {
	library := onnxtest.Library(t)
	rest := func(p float64) float64 { return 1 - p }
	zero := func(float64) float64 { return 0 }
	for _, c := range []struct {
		name, input, kind string
		first             func(float64) float64
		want              string // in the error; empty: taken
	}{
		{"torch", "features", "scores", nil, ""},
		{"tensorflow", "features", "probabilities", nil, ""},
		{"sklearn_forest", "X", "probabilities", nil, ""},
		{"sklearn_mlp", "X", "probabilities", nil, ""},
		{"xgboost", "input", "probabilities", nil, ""},
		{"sklearn_forest_two", "X", "probabilities", nil, ""},
		{"sklearn_logistic", "X", "probabilities", nil, ""},
		{"xgboost_two", "input", "probabilities", nil, ""},
		{"torch_two", "features", "scores", zero, ""},
		{"torch_two_sigmoid", "features", "probabilities", rest, ""},
		{"tensorflow_two", "features", "probabilities", rest, ""},
		{"torch_two_sigmoid", "features", "scores", zero, `parity.json: stage conn: the scores of all rows are 0 and a number from 0 to 1, as of a sigmoid; set output to "probabilities"`},
		{"torch_two_sigmoid", "features", "scores", rest, `parity.json: stage conn: the scores of all rows are probabilities; set output to "probabilities"`},
		{"sklearn_forest", "X", "scores", nil, `the scores of all rows are probabilities; set output to "probabilities"`},
		{"torch_two", "features", "probabilities", rest, `output is "probabilities", but the scores [`},
		{"sklearn_zipmap", "X", "probabilities", nil, `m.onnx: onnx: output "output_probability" is a sequence or a map, not a tensor, as exported with zipmap=True; export with zipmap=False`},
		{"torch_training", "features", "scores", nil, batchRemedy},
		{"torch_softmax0", "features", "probabilities", nil, batchRemedy},
	} {
		t.Run(c.name+" "+c.kind, func(t *testing.T) {
			_, err := Verify(fromExporter(t, c.name, c.input, c.kind, c.first), Standard(library))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
				t.Error(err)
			}
		})
	}
}

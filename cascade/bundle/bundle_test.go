package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

func TestLoad(t *testing.T) {
	b, err := Load("testdata/trees", Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sum := sha256.Sum256(read(t, "testdata/trees", manifestFile))
	if b.Name() != "service@test 1" || b.Digest != hex.EncodeToString(sum[:]) {
		t.Errorf("name %q, digest %s", b.Name(), b.Digest)
	}
	if len(b.Stages) != 2 {
		t.Fatalf("%d stages", len(b.Stages))
	}
	s := b.Stages[1]
	if s.Spec.Name != "early" || s.Spec.Depth != 3 || s.Extractor.Depth() != 3 || s.Spec.Temperature != 1.2 || s.Spec.Threshold != 1 || s.Spec.Uncertainty != "entropy" || s.Slow {
		t.Errorf("stage %+v", s.Spec)
	}
	if err := s.Model.Predict(make([]float32, s.Model.Width()), 1, make([]float64, s.Model.Classes())); err != nil {
		t.Error(err)
	}
}

func TestVerifyReports(t *testing.T) {
	dir := copyBundle(t, "trees")
	write(t, dir, "notes.txt", nil)
	report, err := Verify(dir, Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/verify_trees.golden", strings.Join(report, "\n")+"\n")

	// A failure comes after what was right before it.
	file("early.txt", "num_leaves=4", "num_leaves=3")(t, dir)
	report, err = Verify(dir, Standard(""))
	if err == nil || len(report) != 4 || !strings.HasPrefix(report[3], "stage first: ") {
		t.Errorf("%v after %q", err, report)
	}
}

func TestMixedEngines(t *testing.T) {
	library := onnxtest.Library(t)
	report, err := Verify("testdata/mixed", Standard(library))
	if err != nil {
		t.Fatal(err)
	}
	if len(report) != 6 || !strings.Contains(report[5], "stage slow gives the training library's scores on 8 rows") {
		t.Errorf("report %q", report)
	}
	b, err := Load("testdata/mixed", Standard(library))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Stages[0].Slow || !b.Stages[1].Slow {
		t.Errorf("slow: %v, %v; want the last stage alone", b.Stages[0].Slow, b.Stages[1].Slow)
	}
	for _, c := range []struct {
		name   string
		change change
		want   string
	}{
		{"no input", setStage(1, "input", nil), "slow.onnx: engine onnx needs the graph's names; "},
		{"wrong output", setStage(1, "output_name", "scores"), `slow.onnx: onnx: no output "scores", only ["probabilities"]; `},
		{"scores, not probabilities", parityRowSet(8, "scores", []float64{-1, 3, 2}), `parity.json: row 9, stage slow: output is "probabilities", but the scores [-1 3 2] are none: they do not sum to 1; set output to "scores"`},
		{"another network", file("slow.onnx", "Softmax", "Hardmax"), "parity.json: row 9, stage slow: class "},
	} {
		dir := copyBundle(t, "mixed")
		c.change(t, dir)
		if _, err := Verify(dir, Standard(library)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A bundle with a network needs ONNX Runtime; one without does not.
func TestNoRuntime(t *testing.T) {
	engines := Standard("/nowhere/lib.so")
	if _, err := Verify("testdata/trees", engines); err != nil {
		t.Error(err)
	}
	_, err := Load("testdata/mixed", engines)
	const want = "bundle testdata/mixed: slow.onnx: onnx: SERVEFLOW_ONNXRUNTIME=/nowhere/lib.so: file does not exist; "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(err)
	}
}

// fake answers as told, and counts how often it is closed.
type fake struct {
	scores []float64
	err    error
	closed *int
}

func (f fake) Classes() int { return 3 }
func (f fake) Width() int   { return 12 }
func (f fake) Close() error { *f.closed++; return nil }
func (f fake) Predict(_ []float32, _ int, out []float64) error {
	copy(out, f.scores)
	return f.err
}

func TestParity(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name      string
		scores    []float64
		err       error
		want      []float64
		refusedBy string // empty: taken
	}{
		{"equal", []float64{1, 2, 3}, nil, []float64{1, 2, 3}, ""},
		{"within the tolerance", []float64{1, 2, 3.0002}, nil, []float64{1, 2, 3}, ""},
		{"beyond it", []float64{1, 2, 3.0004}, nil, []float64{1, 2, 3}, "class tls: got 3.0004 from slow.onnx, want 3; "},
		{"within it for large scores", []float64{0, 2000, 2999.8}, nil, []float64{0, 2000, 3000}, ""},
		{"absolute for small scores", []float64{0, 0, 0.00005}, nil, []float64{0, 0, 0.00001}, ""},
		{"another winner", []float64{1, 2.00001, 2}, nil, []float64{1, 2, 2.00001}, "got class http from slow.onnx, want tls; "},
		{"not a number", []float64{1, nan, 3}, nil, []float64{1, 2, 3}, "class http: got NaN from"},
		{"an error", []float64{1, 2, 3}, errors.New("fake: out of order"), []float64{1, 2, 3}, "stage slow: fake: out of order; "},
	} {
		dir := copyBundle(t, "mixed")
		all(setStage(1, "output", "scores"), manyScores(c.want))(t, dir)
		closed := 0
		engines := Standard("")
		engines["onnx"] = Engine{Load: func([]byte, *StageSpec) (Model, error) { return fake{c.scores, c.err, &closed}, nil }, Tolerance: 1e-4}
		b, err := Load(dir, engines)
		switch {
		case c.refusedBy == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.refusedBy != "" && (err == nil || !strings.Contains(err.Error(), c.refusedBy)):
			t.Errorf("%s: %v", c.name, err)
		case c.refusedBy != "" && closed != 1:
			t.Errorf("%s: closed %d times", c.name, closed)
		}
		if err == nil {
			b.Close()
		}
		if closed != 1 {
			t.Errorf("%s: closed %d times after all", c.name, closed)
		}
	}
}

// manyScores sets the wanted scores of all rows of the second stage.
func manyScores(scores []float64) change {
	return func(t *testing.T, dir string) {
		edit(t, dir, "parity.json", func(p object) {
			for _, row := range p["rows"].([]any)[8:] {
				row.(object)["scores"] = scores
			}
		})
		seal(t, dir, "parity.json")
	}
}

package bundle

import (
	"strings"
	"testing"
)

func TestProbabilitiesAreNoScores(t *testing.T) {
	type rows = [][]float64
	for name, c := range map[string]struct {
		engine, output string
		rows           rows
		want           string // in the error; empty: none
	}{
		"logits of three":               {"onnx", "scores", rows{{1, -2, 3}, {0.2, 0.3, 0.5}}, ""},
		"probabilities of three":        {"onnx", "scores", rows{{1, 0, 0}, {0.2, 0.3, 0.5}}, `stage s: the scores of all rows are probabilities; set output to "probabilities"`},
		"named so":                      {"onnx", "probabilities", rows{{1, 0, 0}, {0.2, 0.3, 0.5}}, ""},
		"one of two":                    {"onnx", "scores", rows{{0, 0.25}, {0, 1}}, `as of a sigmoid; set output to "probabilities" and give the rows 1-p and p, or add a row that class a wins`},
		"one of two, above 1":           {"onnx", "scores", rows{{0, 0.25}, {0, 1.5}}, ""},
		"one of two, below 0":           {"onnx", "scores", rows{{0, 0.25}, {0, -0.5}}, ""},
		"probabilities of two":          {"onnx", "scores", rows{{0.75, 0.25}, {0, 1}}, "the scores of all rows are probabilities"},
		"both logits of two":            {"onnx", "scores", rows{{-1, 0.25}, {0, 1}}, ""},
		"raw scores of trees":           {"leaves", "scores", rows{{0, 0.25}, {0, 0.5}}, ""},
		"probabilities of trees":        {"leaves", "scores", rows{{0.75, 0.25}, {0.5, 0.5}}, "give what predict(rows, raw_score=True) gives, for two classes 0 and that"},
		"of another number, and no row": {"onnx", "scores", rows{{1}}, ""},
	} {
		b := &Bundle{Manifest: Manifest{Classes: []string{"a", "b", "c"}[:max(2, len(c.rows[0]))]}, Stages: []Stage{{Spec: StageSpec{Name: "s", Engine: c.engine, Output: c.output}}}}
		all := []parityRow{{Stage: "other", Scores: []float64{5, 5, 5}}}
		for _, scores := range c.rows {
			all = append(all, parityRow{Stage: "s", Scores: scores})
		}
		err := b.checkLogits(all)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// Names are counted in characters, not in bytes.
func TestTextOfManyBytes(t *testing.T) {
	if !isText(strings.Repeat("ü", maxText)) || isText(strings.Repeat("ü", maxText+1)) {
		t.Error("a name of 64 characters is text, one of 65 is not")
	}
}

package bundle

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// batchModel answers a batch: rows of 12 features, with 3 scores each.
type batchModel func(rows [][]float32, out [][]float64) error

func (batchModel) Classes() int { return 3 }
func (batchModel) Width() int   { return 12 }
func (m batchModel) Predict(rows []float32, n int, out []float64) error {
	return m(slices.Collect(slices.Chunk(rows, 12)), slices.Collect(slices.Chunk(out, 3)))
}

// constant answers 1, 2, 3 for every row.
func constant(rows [][]float32, out [][]float64) error {
	for i := range rows {
		copy(out[i], []float64{1, 2, 3})
	}
	return nil
}

// spoiled is constant, with a change to what it answered.
func spoiled(change func(rows [][]float32, out [][]float64)) batchModel {
	return func(rows [][]float32, out [][]float64) error {
		constant(rows, out)
		change(rows, out)
		return nil
	}
}

func TestRowsMustNotDependOnTheirBatch(t *testing.T) {
	const dependent = "a flow's label would depend on the flows that are scored with it. Likely causes: dynamic quantisation, batch normalisation in training mode, a reduction over the batch axis; "
	asked := 0
	for _, c := range []struct {
		name  string
		model batchModel
		want  string // in the error; empty: taken
	}{
		{"independent", constant, ""},
		{"within the tolerance", spoiled(func(rows [][]float32, out [][]float64) { out[0][1] += 2e-5 * float64(min(len(rows)-1, 1)) }), ""},
		{"beyond it", spoiled(func(rows [][]float32, out [][]float64) { out[0][1] += 4e-5 * float64(min(len(rows)-1, 1)) }), "class http: 2 alone, but 2.00004 in a batch of 12 rows: " + dependent},
		{"on the largest value", spoiled(func(rows [][]float32, out [][]float64) {
			out[0][0] = float64(slices.Max(slices.Concat(rows...)))
		}), dependent},
		{"on its place", spoiled(func(rows [][]float32, out [][]float64) { out[len(out)-1][2] += float64(len(out) - 1) }), "row 9, stage slow: class tls: 3 alone, but 14 in a batch of 12 rows: "},
		{"on the row before", spoiled(func(rows [][]float32, out [][]float64) {
			for i := 1; i < len(rows); i++ {
				out[i][0] += float64(rows[i-1][0])
			}
		}), dependent},
		{"unless far values stand beside it", spoiled(func(rows [][]float32, out [][]float64) {
			if len(rows) > 1 && slices.Max(slices.Concat(rows...)) < 60_000 {
				out[0][0]++
			}
		}), dependent},
		{"on more than twenty others", spoiled(func(rows [][]float32, out [][]float64) { out[0][0] += float64(max(20, len(rows)) - 20) }), dependent},
		{"on chance", spoiled(func(_ [][]float32, out [][]float64) { asked++; out[0][0] = float64(asked) }),
			"stage slow: class dns: 1, and 21 when it is asked again: its scores are a matter of chance"},
		{"with another winner", spoiled(func(rows [][]float32, out [][]float64) {
			out[0][2] = 2 // a tie, which the noise of the last bits decides
			if len(rows) > 1 {
				out[0][2] += 1e-7
			}
		}), "class http: 2 alone, but 2 in a batch of 12 rows: "},
		{"not in a batch", func(rows [][]float32, out [][]float64) error {
			if len(rows) > 2 {
				return errors.New("fake: too many")
			}
			return constant(rows, out)
		}, "12 rows get scores one by one, but not as one batch: fake: too many; export the model with a free number of rows"},
		{"company without an answer", func(rows [][]float32, out [][]float64) error {
			for _, row := range rows {
				if row[0] == 65535 || row[0] == 255 && row[1] == 255 {
					return errors.New("fake: out of range")
				}
			}
			return constant(rows, out)
		}, ""},
		{"company that depends on its batch, and no row of the file", spoiled(func(rows [][]float32, out [][]float64) {
			for i, row := range rows {
				if slices.Min(row) == slices.Max(row) {
					out[i][0] += float64(len(rows) - 1)
				}
			}
		}), ""},
		{"company that never ends", func(rows [][]float32, out [][]float64) error {
			if rows[0][0] == 65535 {
				return onnx.ErrLate
			}
			return constant(rows, out)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyBundle(t, "mixed")
			all(setStage(1, "output", "scores"), manyScores([]float64{1, 2, 3}))(t, dir)
			engines := Standard("")
			engines["onnx"] = Engine{Load: func([]byte, *StageSpec) (Model, error) { return c.model, nil }, Tolerance: 1e-4, Slow: true}
			b, err := Load(dir, engines)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ": parity.json: ")):
				t.Error(err)
			}
			if err == nil {
				b.Close()
			}
		})
	}
}

func TestDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want int
	}{
		{[]float64{0, 0.5}, []float64{1e-5, 0.5}, -1}, // just within the tolerance
		{[]float64{0, 0.5}, []float64{0, 0.50002}, 1},
		{[]float64{0, -4}, []float64{3e-5, -4}, -1}, // relative to the largest score
		{[]float64{0, 0.5}, []float64{0, math.NaN()}, 1},
		{[]float64{0.5, 0.500001}, []float64{0.500001, 0.5}, 1}, // another winner
	} {
		if got := differ(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: class %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// A parity file of one row has company too.
func TestOneRowHasCompany(t *testing.T) {
	library := onnxtest.Library(t)
	dir := copyBundle(t, "quantized-dynamic")
	edit(t, dir, "parity.json", func(p object) { p["rows"] = p["rows"].([]any)[:1] })
	seal(t, dir, "parity.json")
	for _, path := range []string{"testdata/quantized-dynamic", dir} {
		_, err := Load(path, Standard(library))
		if err == nil || !strings.Contains(err.Error(), "parity.json: row 1, stage conn: class a: 0.8201673030853271 alone, but ") || !strings.Contains(err.Error(), batchRemedy) {
			t.Error(err)
		}
	}
}

// A model whose external data were merged back still has the field that said where they were.
func TestMergedExternalData(t *testing.T) {
	if _, err := Verify("testdata/external-data-merged", Standard(onnxtest.Library(t))); err != nil {
		t.Error(err)
	}
}

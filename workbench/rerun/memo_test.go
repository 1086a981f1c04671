package rerun

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/serveflow/serveflow/cascade"
)

// counting counts the rows that a model computes.
type counting struct {
	model cascade.Model
	rows  atomic.Int64
}

func (c *counting) Predict(rows []float32, n int, out []float64) error {
	c.rows.Add(int64(n))
	return c.model.Predict(rows, n, out)
}

// The second run computes nothing, and says the same.
func TestMemo(t *testing.T) {
	model := &counting{model: ports{}}
	all, r, memo := records(t), run(t, model), &Memo{}
	plain, err := r.Label(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	r.Spec = memo.Remember(r.Spec)
	var asked []Asked
	for i := range 2 {
		model.rows.Store(0)
		got, err := r.Label(t.Context(), all)
		if err != nil || i == 1 && model.rows.Load() != 0 {
			t.Fatalf("%v: %d rows are computed again", err, model.rows.Load())
		}
		now := memo.Take()
		if now[0].Model != "first" || now[0].Rows < 582 || now[1].Rows == 0 || now[0].Each <= 0 || i == 1 && (now[0].Rows != asked[0].Rows || now[1].Rows != asked[1].Rows) {
			t.Errorf("asked %+v, before %+v", now, asked)
		}
		asked = now
		same := slices.EqualFunc(got.Verdicts, plain.Verdicts, func(a, b cascade.Verdict) bool {
			return a.UID == b.UID && a.Stage == b.Stage && a.Label() == b.Label() && a.Due == b.Due && a.Confidence() == b.Confidence()
		})
		if !same {
			t.Error("a cascade that remembers says something else")
		}
	}
}

// A model's failure is no answer.
func TestMemoOfAModelThatFails(t *testing.T) {
	memo := &Memo{}
	r := run(t, ports{broken: true})
	r.Spec = memo.Remember(r.Spec)
	if got, err := r.Label(t.Context(), records(t)); err != nil || got.Unlabelled != 582 {
		t.Errorf("%v, %d without a label", err, got.Unlabelled)
	}
}

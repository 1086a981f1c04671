package cascade

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// counting is a model that notes how many rows each call has.
type counting struct{ calls []int }

func (m *counting) Predict(rows []float32, n int, out []float64) error {
	m.calls = append(m.calls, n)
	return says(.3).Predict(rows, n, out)
}

// Where labels are late anyway, the flows of the next 2 ms are asked about with the first one, unless half a batch is
// there already.
func TestABatchFillsWhereLabelsAreLate(t *testing.T) {
	for _, c := range []struct {
		late  bool
		first int // flows that come together
		want  string
	}{
		{true, 1, "[2 1]"},
		{true, 5, "[5 2]"},
		{true, 4, "[5 1]"},
		{false, 1, "[1 1 1]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &counting{}
			r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 100, Batch: 8, CatchingUp: func() bool { return c.late }})
			ctx, stop := context.WithCancel(t.Context())
			for range c.first {
				r.feed([]int16{0}, 0)
			}
			ended := make(chan struct{})
			go func() { r.cascade.Run(ctx); close(ended) }()
			for range 2 { // one within 2 ms, and one behind that
				time.Sleep(1200 * time.Microsecond)
				r.feed([]int16{0}, 0)
			}
			time.Sleep(time.Second)
			stop()
			<-ended
			if got := fmt.Sprint(m.calls); got != c.want {
				t.Errorf("late %v, %d flows at once: calls of %s rows, want %s", c.late, c.first, got, c.want)
			}
		})
	}
}

package cascade

import (
	"fmt"
	"testing"
)

func TestFullQueueDegrades(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 2, Batch: 32})
	for range 5 {
		r.feed([]int16{0}, 0)
	}
	if got, want := r.verdicts(), "u a s0 degraded final; u a s0 degraded final; u a s0 degraded final"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.drain()
	if len(r.got) != 5 || r.got[4].Reason != LastStage {
		t.Errorf("what was queued is answered: %q", r.verdicts())
	}
}

// sized is a model that notes the sizes of its batches.
type sized struct{ sizes []int }

func (m *sized) Predict(_ []float32, n int, out []float64) error {
	m.sizes = append(m.sizes, n)
	for i := range n {
		out[2*i], out[2*i+1] = .9, .1
	}
	return nil
}

func TestBatchesTakeWhatIsQueued(t *testing.T) {
	m := &sized{}
	r := newRig(spec(t, []int{1}, m), Config{Queue: 100, Batch: 32})
	for range 70 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	if got := fmt.Sprint(m.sizes); got != "[32 32 6]" || len(r.got) != 70 {
		t.Errorf("batches %s, %d verdicts", got, len(r.got))
	}
}

// fussy fails on any batch that holds a row of more than one packet.
type fussy struct{}

func (fussy) Predict(rows []float32, n int, out []float64) error {
	for i := range n {
		if rows[i] > 1 {
			return fmt.Errorf("row %d is not to my taste", i)
		}
		out[2*i], out[2*i+1] = .9, .1
	}
	return nil
}

func TestOneBadRowCostsOnlyItsOwnAnswer(t *testing.T) {
	s := spec(t, []int{1, 2}, says(.6), fussy{})
	r := newRig(s, Config{Queue: 10, Batch: 32})
	r.feed([]int16{rst}, 0)
	r.feed([]int16{0, 0}, 0)
	r.feed([]int16{rst}, 0)
	r.drain()
	if got, want := r.verdicts(), "u a s1 flow_end final; u a s0 degraded final; u a s1 flow_end final"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// moody gives a tie that falls one way in a batch and the other alone.
type moody struct{}

func (moody) Predict(_ []float32, n int, out []float64) error {
	for i := range n {
		out[2*i], out[2*i+1] = .5, .5+1e-7
		if n > 1 {
			out[2*i], out[2*i+1] = .5+1e-7, .5
		}
	}
	return nil
}

func TestLabelDoesNotDependOnTheBatch(t *testing.T) {
	for flows := 1; flows < 4; flows++ {
		r := newRig(spec(t, []int{1}, moody{}), Config{Queue: 10, Batch: 32})
		for range flows {
			r.feed([]int16{0}, 0)
		}
		r.drain()
		for _, v := range r.got {
			if v.Label() != "b" {
				t.Errorf("%d flows queued: label %s, alone it is b", flows, v.Label())
			}
		}
	}
}

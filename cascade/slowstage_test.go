package cascade

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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

// At 300 ms a flow and one worker, a fifth flow would wait 1.2 s.
func TestLongWaitCountsAsAFullQueue(t *testing.T) {
	for _, c := range []struct {
		workers, queued int
		wait, objective time.Duration
	}{
		{1, 4, time.Second, time.Minute},
		{1, 5, 1200 * time.Millisecond, time.Minute},
		{2, 8, time.Second, time.Minute},
		{2, 8, time.Minute, time.Second},
	} {
		r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 100, Workers: c.workers, Batch: 1, Wait: c.wait, Objective: c.objective})
		r.cascade.onlySlow().serviceTime.Store(int64(300 * time.Millisecond))
		for range 10 {
			r.feed([]int16{0}, 0)
		}
		if got := len(r.cascade.onlySlow().queue); got != c.queued || len(r.got) != 10-c.queued {
			t.Errorf("%d workers, at most %v: %d of 10 are queued, want %d; and %d are degraded", c.workers, c.wait, got, c.queued, len(r.got))
		}
	}
}

// batchSizes is a model that records the sizes of its batches.
type batchSizes struct{ sizes []int }

func (m *batchSizes) Predict(_ []float32, n int, out []float64) error {
	m.sizes = append(m.sizes, n)
	for i := range n {
		out[2*i], out[2*i+1] = .9, .1
	}
	return nil
}

func TestBatchesTakeWhatIsQueued(t *testing.T) {
	m := &batchSizes{}
	r := newRig(spec(t, []int{1}, m), Config{Queue: 100, Batch: 32})
	for range 70 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	if got := fmt.Sprint(m.sizes); got != "[32 32 6]" || len(r.got) != 70 {
		t.Errorf("batches %s, %d verdicts", got, len(r.got))
	}
}

// onePacketOnly fails on any batch that holds a row of more than one packet.
type onePacketOnly struct{}

func (onePacketOnly) Predict(rows []float32, n int, out []float64) error {
	for i := range n {
		if rows[i] > 1 {
			return fmt.Errorf("row %d has %v packets", i, rows[i])
		}
		out[2*i], out[2*i+1] = .9, .1
	}
	return nil
}

func TestOneBadRowCostsOnlyItsOwnAnswer(t *testing.T) {
	r := newRig(spec(t, []int{1, 2}, says(.6), onePacketOnly{}), Config{Queue: 10, Batch: 32})
	r.feed([]int16{rst}, 0)
	r.feed([]int16{0, 0}, 0)
	r.feed([]int16{rst}, 0)
	r.drain()
	if got, want := r.verdicts(), "u a s1 flow_end final; u a s0 degraded final; u a s1 flow_end final"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// unstableTie gives a tie that falls one way in a batch and the other alone.
type unstableTie struct{}

func (unstableTie) Predict(_ []float32, n int, out []float64) error {
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
		r := newRig(spec(t, []int{1}, unstableTie{}), Config{Queue: 10, Batch: 32})
		for range flows {
			r.feed([]int16{0}, 0)
		}
		r.drain()
		if len(r.got) != flows {
			t.Errorf("%d verdicts for %d flows", len(r.got), flows)
		}
		for _, v := range r.got {
			if v.Label() != "b" {
				t.Errorf("%d flows queued: label %s, alone it is b", flows, v.Label())
			}
		}
	}
}

// A row that is asked about alone because of a tie may be the one that hangs.
func TestHangAfterATie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(spec(t, []int{1, 1}, says(.6), hangsAlone{release}), Config{Queue: 10, Batch: 32, Timeout: time.Second})
		for range 4 {
			r.feed([]int16{0}, 0)
		}
		began := time.Now()
		r.drain()
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v: only one row may be asked about", took)
		}
		if got := strings.Count(r.verdicts(), "u a s0 breaker final"); got != 4 || len(r.got) != 4 {
			t.Errorf("4 flows get the fast answer because of the breaker, but: %s", r.verdicts())
		}
		if n := r.metrics(t)["model_failures_total{hang,s1}"]; n != 1 {
			t.Errorf("%v failures are counted", n)
		}
		close(release)
	})
}

// hangsAlone gives ties in a batch, and hangs on a single row.
type hangsAlone struct{ release chan struct{} }

func (m hangsAlone) Predict(_ []float32, n int, out []float64) error {
	for i := range out {
		out[i] = .5
	}
	if n == 1 {
		<-m.release
	}
	return nil
}

// A replay must be repeatable, so it waits for the model however often that fails.
func TestDeterministicCascadeHasNoBreaker(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), modelFunc(fails)), Config{Queue: 100, Deterministic: true})
	for range 20 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	if got := strings.Count(r.verdicts(), "degraded"); got != 20 {
		t.Errorf("%d of 20 are degraded: %s", got, r.verdicts())
	}
}

func TestNumbersThatAreNoAnswer(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		out  Output
		row  []float64
		fine bool
	}{
		{Scores, []float64{-1000, 1000}, true},
		{Scores, []float64{nan, 1}, false},
		{Scores, []float64{inf, 1}, false},
		{Scores, []float64{-inf, 1}, false},
		{Probabilities, []float64{0, 1}, true},
		{Probabilities, []float64{.50001, .50001}, true},
		{Probabilities, []float64{0, 0}, false},
		{Probabilities, []float64{.9, .9}, false},
		{Probabilities, []float64{-.001, 1.001}, true}, // from single precision
		{Probabilities, []float64{-.0011, 1.0011}, false},
		{Probabilities, []float64{-.5, 1.5}, false},
		{Probabilities, []float64{nan, 1}, false},
	} {
		for _, fast := range []bool{true, false} {
			says := modelFunc(func(_ []float32, out []float64) error { copy(out, c.row); return nil })
			s := spec(t, []int{1, 1}, says, modelFunc(fails))
			if !fast {
				s = spec(t, []int{1}, says)
			}
			s.Stages[0].Output, s.Stages[0].Threshold = c.out, 1
			r := newRig(s, Config{})
			r.feed([]int16{0}, 0)
			r.drain()
			if answered := len(r.got) == 1; answered != c.fine {
				t.Errorf("%s %v (fast %v): answered %v", c.out, c.row, fast, answered)
			}
		}
	}
}

// While the member catches up, a full queue holds the input back, and no label is made
// worse; when it no longer does, the flow at hand goes on as ever.
func TestCatchingUpHoldsTheInputBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var catchingUp atomic.Bool
		catchingUp.Store(true)
		s := spec(t, []int{1, 1}, says(.6), says(.3))
		r := newRig(s, Config{Queue: 1, CatchingUp: catchingUp.Load})
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			for range 3 {
				r.feed([]int16{0}, 0)
			}
		}()
		synctest.Wait()
		if got := r.verdicts(); got != "" || len(r.cascade.onlySlow().queue) != 1 {
			t.Errorf("before the slow stage runs: %q, %d queued", got, len(r.cascade.onlySlow().queue))
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.cascade.Run(ctx); close(ended) }()
		<-fed
		synctest.Wait()
		if got := r.verdicts(); got != "u b s1 last_stage final; u b s1 last_stage final; u b s1 last_stage final" {
			t.Errorf("%q", got)
		}
		stop()
		<-ended
		catchingUp.Store(false)
		r.got = nil
		for range 2 {
			r.feed([]int16{0}, 0) // nobody takes from the queue any more
		}
		if got := r.verdicts(); got != "u a s0 degraded final" {
			t.Errorf("live, with a full queue: %q", got)
		}
	})
}

package cascade

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// batchModel answers n rows as its function says.
type batchModel func(rows []float32, n int, out []float64) error

func (m batchModel) Predict(rows []float32, n int, out []float64) error { return m(rows, n, out) }

// The calls for single rows that fail after a batch have one timeout together, so a slow
// failure does not hold up those behind it.
func TestFailuresOfABatchShareTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := batchModel(func(_ []float32, n int, _ []float64) error {
			if n == 1 {
				time.Sleep(1500 * time.Millisecond)
			}
			return errors.New("out of order")
		})
		r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 10, Batch: 32, Timeout: 2 * time.Second})
		for range 3 {
			r.feed([]int16{0}, 0)
		}
		began := time.Now()
		r.drain()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if got, want := r.verdicts(), "u a s0 degraded final; u a s0 breaker final; u a s0 breaker final"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		time.Sleep(time.Second) // the abandoned call ends
	})
}

// An answer, however slow, does not shorten the time of the next.
func TestAnswersOfABatchHaveTheirOwnTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := batchModel(func(_ []float32, n int, out []float64) error {
			if n > 1 {
				return errors.New("out of order")
			}
			time.Sleep(1500 * time.Millisecond)
			out[0], out[1] = .9, .1
			return nil
		})
		r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 10, Batch: 32, Timeout: 2 * time.Second})
		for range 3 {
			r.feed([]int16{0}, 0)
		}
		r.drain()
		if got, want := r.verdicts(), "u a s1 last_stage final; u a s1 last_stage final; u a s1 last_stage final"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// An engine that ends a call at its own limit may have had no time, because the process
// was halted. With a timeout of a nanosecond every call is as late as that.
func TestEngineThatWasLateIsCalledAgain(t *testing.T) {
	calls := 0
	m := batchModel(func(_ []float32, _ int, out []float64) error {
		if calls++; calls == 1 {
			return errors.New("stopped at the limit")
		}
		out[0], out[1] = .9, .1
		return nil
	})
	r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Timeout: 1})
	r.feed([]int16{0}, 0)
	r.drain()
	if got, want := r.verdicts(), "u a s1 last_stage final"; got != want || calls != 2 {
		t.Errorf("got %q after %d calls, want %q", got, calls, want)
	}
	if n := r.cascade.onlySlow().serviceTime.Load(); n != 0 {
		t.Errorf("the time of a process that was halted counts as the model's: %v", time.Duration(n))
	}
}

// A row that fails alone is not asked about twice, and none of a batch is forgotten.
func TestEachFailureIsAskedAboutOnce(t *testing.T) {
	for _, c := range []struct {
		flows, calls  int
		deterministic bool
	}{
		{1, 1, false}, {2, 3, false}, {3, 4, false}, {1, 1, true}, {2, 3, true}, {3, 4, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			m := batchModel(func(_ []float32, _ int, _ []float64) error {
				calls++
				time.Sleep(time.Second)
				return errors.New("out of order")
			})
			r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 10, Batch: 32, Deterministic: c.deterministic})
			for range c.flows {
				r.feed([]int16{0}, 0)
			}
			r.drain()
			if n := r.metrics(t)["labels_total{true,degraded,s0}"]; n != float64(c.flows) || calls != c.calls {
				t.Errorf("%d flows, deterministic %v: %v degraded labels after %d calls, want %d", c.flows, c.deterministic, n, calls, c.calls)
			}
		})
	}
}

// A stop while single rows are asked about ends the batch, and the worker.
func TestStopBetweenSingleRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, release := 0, make(chan struct{})
		m := batchModel(func(_ []float32, n int, _ []float64) error {
			if calls++; n == 1 {
				<-release
			}
			return errors.New("out of order")
		})
		r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 10, Batch: 2})
		for range 3 {
			r.feed([]int16{0}, 0)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.cascade.Run(ctx) }()
		synctest.Wait()
		stop()
		if err := <-done; err != nil || calls != 2 || len(r.got) != 0 || r.acked != 0 {
			t.Errorf("%v, %d calls, %d labels, %d acknowledged; want two calls and nothing else", err, calls, len(r.got), r.acked)
		}
		close(release)
	})
}

func TestWorkersRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := batchModel(func(_ []float32, n int, out []float64) error {
			time.Sleep(time.Second)
			out[0], out[1] = .9, .1
			return nil
		})
		r := newRig(spec(t, []int{1}, m), Config{Queue: 10, Batch: 1, Workers: 3})
		for range 6 {
			r.feed([]int16{0}, 0)
		}
		began := time.Now()
		r.drain()
		if took := time.Since(began); took != 2*time.Second || len(r.got) != 6 {
			t.Errorf("%d labels in %v", len(r.got), took)
		}
	})
}

func TestTookBatch(t *testing.T) {
	s := newRig(spec(t, []int{1}, says(1)), Config{Timeout: 8 * time.Second}).cascade.onlySlow()
	if share := s.tookBatch(2, 8*time.Second+1); share != 4*time.Second || s.serviceTime.Load() != 0 {
		t.Errorf("beyond the timeout: share %v, service time %v", share, s.serviceTime.Load())
	}
	if share := s.tookBatch(2, 8*time.Second); share != 4*time.Second || s.serviceTime.Load() != int64(time.Second/2) {
		t.Errorf("share %v, service time %v", share, s.serviceTime.Load())
	}
	if s.tookBatch(1, 0); s.serviceTime.Load() != int64(7*time.Second/16) {
		t.Errorf("service time %v: it falls by an eighth", s.serviceTime.Load())
	}
}

package cascade

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A call's buffers are used again, but not those of an abandoned one, into which the
// model may still write.
func TestBuffersOfACall(t *testing.T) {
	withFaults(t, &faultyModel{}, unsure(), func(t *testing.T, c *running) {
		w := newWorker(c.rig.cascade.onlySlow())
		first, err := w.call(context.Background(), time.Second, []float32{1}, []float32{3})
		if err != nil || len(first.out) != 4 {
			t.Fatalf("%v, %d numbers", err, len(first.out))
		}
		w.putCall(first)
		second, err := w.call(context.Background(), time.Second, []float32{1})
		if err != nil || second != first || len(second.out) != 2 || len(second.rows) != 1 {
			t.Errorf("%v; the buffers are used again: %v; %d rows, %d numbers", err, second == first, len(second.rows), len(second.out))
		}
		w.putCall(second)
		c.model.set("hangs")
		abandoned, err := w.call(context.Background(), 1, []float32{1})
		if abandoned != nil || !errors.Is(err, errTimedOut) || w.took != 1 {
			t.Errorf("%v after %v", err, w.took)
		}
		if w.putCall(abandoned); len(w.calls) != 0 {
			t.Error("an abandoned call is used again")
		}
	})
}

func TestNoLimitIsForEver(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		done := make(chan error, 1)
		go func() {
			_, err := newWorker(c.rig.cascade.onlySlow()).call(context.Background(), 0, []float32{1})
			done <- err
		}()
		wait(time.Hour)
		select {
		case err := <-done:
			t.Errorf("ended with %v", err)
		default:
		}
		c.model.set("")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A stop ends a call that is under way, but not one that begins after it.
func TestStopDuringACall(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		ctx, stop := context.WithCancel(context.Background())
		w := newWorker(c.rig.cascade.onlySlow())
		time.AfterFunc(time.Second, stop)
		if _, err := w.call(ctx, time.Minute, []float32{1}); !errors.Is(err, errStopped) || w.took != time.Second {
			t.Errorf("%v after %v", err, w.took)
		}
		if _, err := w.call(ctx, time.Minute, []float32{1}); !errors.Is(err, errTimedOut) || w.took != time.Minute {
			t.Errorf("%v after %v", err, w.took)
		}
		if n := c.rig.metrics(t)["slow_stuck_calls{s1}"]; n != 2 {
			t.Errorf("%v calls still run", n)
		}
		New(c.rig.cascade.spec, Config{Queue: 1}, c.rig.cascade.metrics, nil) // of a bundle whose stages have the same names
		if n := c.rig.metrics(t)["slow_stuck_calls{s1}"]; n != 2 {
			t.Errorf("%v calls still run, when another cascade is built", n)
		}
	})
}

// A replay's calls end with the model alone.
func TestDeterministicCallsHaveNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := modelFunc(func(row []float32, out []float64) error { time.Sleep(time.Hour); return says(.9)(row, out) })
		r := newRig(spec(t, []int{1}, slow), Config{Queue: 2, Deterministic: true})
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.cascade.Run(ctx) }()
		r.feed([]int16{0}, 0)
		wait(time.Minute)
		stop()
		if err := <-done; err != nil || r.verdicts() != "u a s0 last_stage final" {
			t.Errorf("%v, %q", err, r.verdicts())
		}
	})
}

func TestWorkerKeepsItsBuffers(t *testing.T) {
	r := newRig(spec(t, []int{1}, says(.9)), Config{Queue: 3, Batch: 1})
	w := newWorker(r.cascade.onlySlow())
	for range 3 {
		r.feed([]int16{0}, 0)
		if !w.step(context.Background()) || len(w.calls) != 1 {
			t.Errorf("%d calls' buffers after a batch", len(w.calls))
		}
	}
}

package cascade

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Jobs whose batch timed out are taken alone, the others in batches.
func TestTakeParked(t *testing.T) {
	for _, c := range []struct {
		parked string // a letter for each; capitals are taken alone
		want   string
	}{
		{"a", "[a]"},
		{"abc", "[abc]"},
		{"abcdefg", "[abc def g]"},
		{"Abc", "[A bc]"},
		{"abCdeF", "[ab C de F]"},
		{"ABC", "[A B C]"},
	} {
		w := newWorker(newRig(spec(t, []int{1}, says(1)), Config{Batch: 3, Queue: 10}).cascade.onlySlow())
		for _, letter := range c.parked {
			w.parked = append(w.parked, &job{verdict: Verdict{UID: string(letter)}, retryAlone: letter < 'a'})
		}
		w.slow.addParked(len(c.parked))
		var got []string
		for len(w.parked) > 0 {
			batch := ""
			for _, j := range w.takeParked() {
				batch += j.verdict.UID
			}
			got = append(got, batch)
		}
		if fmt.Sprint(got) != c.want || w.slow.parked.Load() != 0 {
			t.Errorf("%s: %v, want %s; %d are left", c.parked, got, c.want, w.slow.parked.Load())
		}
	}
}

// A job that is used again is not taken alone because of what it was before.
func TestJobIsUsedAgain(t *testing.T) {
	c := newRig(spec(t, []int{1}, says(1)), Config{}).cascade
	c.jobs.Put(&job{retryAlone: true})
	if c.newJob().retryAlone {
		t.Error("it is marked still")
	}
}

// A probe asks about another parked flow each time.
func TestProbesTakeTurns(t *testing.T) {
	for parked, want := range map[int]string{1: "[0 0 0 0]", 3: "[1 2 0 1]"} {
		synctest.Test(t, func(t *testing.T) {
			var asked []float32
			r := newRig(spec(t, []int{1}, batchModel(func(rows []float32, _ int, _ []float64) error {
				asked = append(asked, rows...)
				return fails(nil, nil)
			})), Config{})
			w := newWorker(r.cascade.onlySlow())
			for row := range parked {
				w.parked = append(w.parked, &job{row: []float32{float32(row)}})
			}
			w.slow.breaker.timedOut(time.Now())
			for range 4 {
				time.Sleep(time.Minute)
				w.probe(context.Background())
			}
			if fmt.Sprint(asked) != want {
				t.Errorf("asked about %v, want %s", asked, want)
			}
			if len(w.calls) != 1 {
				t.Errorf("%d calls' buffers: they are used again", len(w.calls))
			}
			if n := r.metrics(t)["breaker_state{s0}"]; n != float64(open) {
				t.Errorf("state %v", n)
			}
		})
	}
}

// The rows of a batch that timed out are enough for a probe: no other flow has to come.
func TestBatchThatTimedOutIsASample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &faultyModel{fault: "hangs", release: make(chan struct{})}
		r := newRig(spec(t, []int{1, 1}, says(.6), m), Config{Queue: 3, Batch: 3, Timeout: 2 * time.Second})
		for range 3 {
			r.feed([]int16{0}, 0)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.cascade.Run(ctx) }()
		wait(2 * time.Second)
		if n := r.metrics(t)["labels_total{true,breaker,s0}"]; n != 3 {
			t.Errorf("%v labels", n)
		}
		m.set("")
		wait(time.Second)
		if n := r.metrics(t)["breaker_state{s1}"]; n != float64(closed) || m.calls() != 2 {
			t.Errorf("state %v after %d calls", n, m.calls())
		}
		stop()
		<-done
	})
}

func TestStateWhileAProbeIsUnderWay(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		c.feed(1)
		wait(2 * time.Second)
		c.feed(1)
		if n := c.rig.metrics(t)["breaker_state{s1}"]; n != 2 {
			t.Errorf("open is %v", n)
		}
		wait(1500 * time.Millisecond)
		if n := c.rig.metrics(t)["breaker_state{s1}"]; n != 1 {
			t.Errorf("half open is %v", n)
		}
		c.stop()
		if <-c.stopped; c.model.calls() != 2 {
			t.Errorf("%d calls", c.model.calls())
		}
	})
}

// At a stop, what is queued while the breaker is open gets its earlier label.
func TestStopWhileTheBreakerIsOpen(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 20})
	for range 20 {
		r.feed([]int16{0}, 0)
	}
	r.cascade.onlySlow().breaker.timedOut(time.Now())
	r.drain()
	if n := r.metrics(t)["labels_total{true,breaker,s0}"]; n != 20 || len(r.got) != 20 {
		t.Errorf("%v of 20 are labelled", n)
	}
}

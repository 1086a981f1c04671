package cascade

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHangOpensTheBreaker(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		c.feed(40)
		c.expect(t, "until the timeout all wait", map[Reason]int{Breaker: 0})
		wait(2 * time.Second)
		c.expect(t, "then all that waited go out", map[Reason]int{Breaker: 40})
		c.feed(1000)
		c.expect(t, "and those behind them at once", map[Reason]int{Breaker: 1040})
		if n := c.model.calls(); n != 1 {
			t.Errorf("the model was called %d times while the breaker is open", n)
		}
		for range 600 {
			wait(6 * time.Second)
			c.feed(1)
		}
		const most = 4 // one of the worker, two to spare, and the probe that makes it more
		if _, abandoned := c.rig.cascade.onlySlow().breaker.snapshot(); abandoned != most || c.model.calls() != abandoned {
			t.Errorf("%d calls of %d hang: with one worker %d may", abandoned, c.model.calls(), most)
		}
		if m := c.rig.metrics(t); m["slow_abandoned_total{s1}"] != most || m["slow_stuck_calls{s1}"] != most || m["breaker_state{s1}"] != float64(open) {
			t.Errorf("the metrics say that %v calls were abandoned, and %v still run; the breaker's state is %v",
				m["slow_abandoned_total{s1}"], m["slow_stuck_calls{s1}"], m["breaker_state{s1}"])
		}
		if err := c.rig.cascade.Ready(); err != nil {
			t.Errorf("labels flow, so it is ready, but it says: %v", err)
		}
	})
}

func TestBreakerClosesWhenTheModelAnswersAgain(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		c.feed(1)
		wait(2 * time.Second)
		c.model.set("")
		c.feed(3)
		c.expect(t, "still open", map[Reason]int{Breaker: 4})
		wait(time.Second)
		c.feed(5)
		c.expect(t, "closed by the probe, which no flow waited for", map[Reason]int{Breaker: 4, FlowEnd: 5})
		m := c.rig.metrics(t)
		for name, want := range map[string]float64{"breaker_state{s1}": float64(closed), "breaker_openings_total{s1}": 1, "slow_abandoned_total{s1}": 1,
			"slow_stuck_calls{s1}": 0, "slow_held_flows{s1}": 0, "model_failures_total{hang,s1}": 1} {
			if m[name] != want {
				t.Errorf("%s is %v, want %v", name, m[name], want)
			}
		}
	})
}

func TestFailuresInARowOpenTheBreaker(t *testing.T) {
	const below = 4
	for _, fault := range []string{"fails", "nan"} {
		t.Run(fault, func(t *testing.T) {
			withFaults(t, &faultyModel{fault: fault}, unsure(), func(t *testing.T, c *running) {
				c.feed(below)
				c.expect(t, "each is its own failure", map[Reason]int{Degraded: below, Breaker: 0})
				c.model.set("")
				c.feed(1)
				c.model.set(fault)
				c.feed(below)
				c.expect(t, "one answer between them counts", map[Reason]int{Degraded: 2 * below, FlowEnd: 1, Breaker: 0})
				c.feed(1)
				c.feed(6)
				c.expect(t, "one more opens it", map[Reason]int{Degraded: 2*below + 1, FlowEnd: 1, Breaker: 6})
				if n := c.rig.metrics(t)["breaker_openings_total{s1}"]; n != 1 {
					t.Errorf("opened %v times", n)
				}
				kind := map[string]string{"fails": "error", "nan": "nan"}[fault]
				if n := c.rig.metrics(t)["model_failures_total{"+kind+",s1}"]; n != 2*below+1 {
					t.Errorf("%v failures are counted as %s", n, kind)
				}
			})
		})
	}
}

func TestProbesAreFewWhileTheModelFails(t *testing.T) {
	for _, fault := range []string{"fails", "nan"} {
		withFaults(t, &faultyModel{fault: fault}, unsure(), func(t *testing.T, c *running) {
			c.feed(5)
			before := c.model.calls()
			for range 600 {
				wait(time.Second)
				c.feed(1)
			}
			if n := c.model.calls() - before; n < 20 || n > 30 { // 1+2+4+8+16 s, then each 30 s, all a second later at most
				t.Errorf("%s: %d probes in ten minutes", fault, n)
			}
			if n := c.rig.metrics(t)["breaker_openings_total{s1}"]; n != 1 {
				t.Errorf("%s: opened %v times", fault, n)
			}
		})
	}
}

// A flow that makes the model hang is given up itself; the others of its batch wait,
// and get their label.
func TestFlowsThatNoOtherStageAnsweredWait(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, nil, func(t *testing.T, c *running) {
		c.feed(1) // alone: it is given up
		c.feed(40)
		wait(3 * time.Second)
		c.expect(t, "nothing is said", map[Reason]int{FlowEnd: 0, Breaker: 0})
		if m := c.rig.metrics(t); m["flows_unlabelled_total"] != 1 || m["slow_held_flows{s0}"] != 40 {
			t.Errorf("%v flows are given up: only one was asked about alone; %v wait", m["flows_unlabelled_total"], m["slow_held_flows{s0}"])
		}
		if err := c.rig.cascade.Ready(); err == nil || !strings.Contains(err.Error(), "40 flows that no earlier stage answered wait") {
			t.Errorf("ready says %v", err)
		}
		c.model.set("")
		c.feed(1)
		wait(time.Minute)
		c.expect(t, "all others are answered", map[Reason]int{FlowEnd: 41})
		if err := c.rig.cascade.Ready(); err != nil {
			t.Error(err)
		}
		if n := c.rig.metrics(t)["slow_held_flows{s0}"]; n != 0 {
			t.Errorf("the metric says that %v flows still wait", n)
		}
	})
}

// While all calls hang, flows without an answer fill the queue and hold the input back. A
// stop then ends it; what waited keeps its place in the log, so that it is read again.
func TestStopWhileFlowsWait(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, nil, func(t *testing.T, c *running) {
		fed := make(chan struct{})
		go func() {
			for range 200 {
				c.rig.feed([]int16{rst}, 0)
			}
			close(fed)
		}()
		wait(time.Minute)
		select {
		case <-fed:
			t.Error("the input is not held back")
		default:
		}
		if n := c.rig.metrics(t)["slow_held_flows{s0}"]; n != 64 {
			t.Errorf("%v flows are parked, want as many as may be queued", n)
		}
		c.stop()
		<-c.stopped
		<-fed
		if n := c.rig.metrics(t)["flows_unlabelled_total"]; len(c.rig.got) != 0 || n != float64(c.rig.acked) || n > 2 {
			t.Errorf("%d labels, %v flows given up, %d acknowledged", len(c.rig.got), n, c.rig.acked)
		}
	})
}

func TestStopDoesNotWaitForAHangingCall(t *testing.T) {
	withFaults(t, &faultyModel{fault: "hangs"}, unsure(), func(t *testing.T, c *running) {
		c.feed(10)
		began := time.Now()
		c.stop()
		<-c.stopped
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		if c.rig.acked != 0 {
			t.Error("a flow under way was acknowledged")
		}
	})
}

func TestPoisonCostsOthersNoLabel(t *testing.T) {
	withFaults(t, &faultyModel{poison: true}, nil, func(t *testing.T, c *running) {
		c.rig.cascade.spec.Stages[0].Depth = 2
		c.rig.feed([]int16{0, 0}, 0)
		c.feed(10)
		wait(10 * time.Minute)
		c.feed(10)
		wait(10 * time.Minute)
		c.expect(t, "those of one packet are answered", map[Reason]int{FlowEnd: 20})
		if n := c.rig.metrics(t)["flows_unlabelled_total"]; n != 1 {
			t.Errorf("%v flows are given up, want the poison alone", n)
		}
	})
}

// A process that was halted finds all deadlines past, though the model has had no time.
func TestHaltedProcessGivesTheModelItsTimeAgain(t *testing.T) {
	withFaults(t, &faultyModel{}, unsure(), func(t *testing.T, c *running) {
		w := newWorker(c.rig.cascade.onlySlow())
		for _, x := range []struct {
			name   string
			late   time.Duration // the deadline is past by
			answer time.Duration // the call's, from now on; 0 is never
			want   error
			waited time.Duration
		}{
			{"halted: it has the timeout again", 45 * time.Second, time.Second, nil, time.Second},
			{"but not for ever", 45 * time.Second, 0, errTimedOut, 2 * time.Second},
			{"a quarter of the timeout late, from the load of the machine", 500 * time.Millisecond, time.Second, errTimedOut, 0},
			{"a bit more", 501 * time.Millisecond, time.Second, nil, time.Second},
			{"a bit less", 499 * time.Millisecond, time.Second, errTimedOut, 0},
		} {
			q := &call{done: make(chan error, 1)}
			if x.answer > 0 {
				time.AfterFunc(x.answer, func() { q.done <- nil })
			}
			began := time.Now()
			if err := w.await(context.Background(), began.Add(-x.late), q); !errors.Is(err, x.want) || time.Since(began) != x.waited {
				t.Errorf("%s: %v after %v", x.name, err, time.Since(began))
			}
		}
	})
}

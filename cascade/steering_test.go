package cascade

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serveflow/serveflow/cascade/steer"
)

// unequal is a model that is between 50% and 90% sure of class a.
func unequal() modelFunc {
	random := rand.New(rand.NewPCG(1, 2))
	return func(_ []float32, out []float64) error {
		out[0] = .5 + .4*random.Float64()
		out[1] = 1 - out[0]
		return nil
	}
}

// takes is a model that takes d for each flow, and is sure of class b.
func takes(d time.Duration) modelFunc {
	return func(row []float32, out []float64) error {
		time.Sleep(d)
		return says(.1)(row, out)
	}
}

// underLoad feeds a flow each millisecond for some seconds to a slow stage that takes ten for
// each, so that it is offered 7.5 times what it can take. look is called after each.
func underLoad(t *testing.T, r *rig, seconds int, look func(second int)) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.cascade.Run(ctx); close(ended) }()
	for i := range seconds * 1000 {
		r.feed([]int16{0}, 0)
		look(i / 1000)
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Second) // for what is queued
	stop()
	<-ended
}

func TestLoadIsSteered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objective = 250 * time.Millisecond
		r := newRig(spec(t, []int{1, 1}, unequal(), takes(10*time.Millisecond)), Config{Queue: 4096, Batch: 4, Objective: objective})
		var got map[string]float64 // while the load lasts
		underLoad(t, r, 10, func(second int) {
			if second == 9 && got == nil {
				got = r.metrics(t)
			}
			if wait := r.cascade.onlySlow().expectedWait(); second >= 2 && wait > objective {
				t.Fatalf("second %d: a flow waits %v", second, wait)
			}
		})
		if len(r.got) != 10_000 {
			t.Errorf("%d labels for 10000 flows", len(r.got))
		}
		slow, full, kept := 0, 0, 0.
		for _, v := range r.got {
			switch v.Reason {
			case LastStage:
				slow++
			case Degraded:
				if v.Threshold == .2 {
					full++ // the queue was, before the threshold had risen
					continue
				}
				kept++
				if v.Stage != "s0" || v.Threshold < v.Uncertainty || v.Uncertainty <= .2 {
					t.Fatalf("%+v: it says which threshold was applied, which is above the uncertainty and the bundle's", v)
				}
			case Confident:
				if v.Uncertainty > .2 || v.Threshold != .2 {
					t.Fatalf("%+v", v)
				}
			}
		}
		if slow < 900 { // of 1000 that it has time for
			t.Errorf("the slow stage answered %d", slow)
		}
		if full > 500 {
			t.Errorf("%d are degraded by a full queue, though the threshold rises within tenths of a second", full)
		}
		after := r.metrics(t)
		if after["kept_back_total{s0}"] != kept || after["labels_total{true,degraded,s0}"] != kept+float64(full) {
			t.Errorf("%v are kept back, counted are %v", kept, after["kept_back_total{s0}"])
		}
		if n := after["slow_queue_seconds{s1} count"]; n != float64(slow) {
			t.Errorf("%v waits are counted for %d flows", n, slow)
		}
		if share := got["slow_share{s0}"]; share < .05 || share > .3 {
			t.Errorf("the share is %v, it should be near 1/7.5", share)
		}
		if got["latency_objective_seconds"] != objective.Seconds() {
			t.Errorf("the objective is shown as %v s", got["latency_objective_seconds"])
		}
		if threshold := got["threshold{s0}"]; threshold < .4 || threshold >= .5 {
			t.Errorf("threshold %v: the upper part of .2 to .5", threshold)
		}
	})
}

// Where load must not change a label, the input waits, and every threshold is the bundle's.
func TestLoadChangesNoLabel(t *testing.T) {
	for name, cfg := range map[string]Config{
		"held back":     {HoldBack: true},
		"deterministic": {Deterministic: true},
		"catching up":   {CatchingUp: func() bool { return true }},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg.Queue, cfg.Batch, cfg.Objective, cfg.Wait = 8, 4, 20*time.Millisecond, 40*time.Millisecond
			r := newRig(spec(t, []int{1, 1}, unequal(), takes(10*time.Millisecond)), cfg)
			underLoad(t, r, 3, func(int) {})
			if len(r.got) != 3000 {
				t.Errorf("%s: %d labels", name, len(r.got))
			}
			if shown := r.metrics(t)["latency_objective_seconds"]; shown != 0 && cfg.CatchingUp == nil {
				t.Errorf("%s: an objective of %v s that nothing is done for", name, shown)
			}
			for _, v := range r.got {
				if (v.Reason != LastStage && v.Reason != Confident) || v.Stage == "s0" && v.Threshold != .2 {
					t.Fatalf("%s: %+v", name, v)
				}
			}
		})
	}
}

// keepBack makes a rig's steering apply a cut, which is an uncertainty.
func keepBack(r *rig, uncertainty float64) {
	r.cascade.onlySlow().steering.cut.Store(math.Float64bits(512 * uncertainty))
}

// What load had let through is looked at again when its packets are there.
func TestLoadAtTheDoor(t *testing.T) {
	for cut, want := range map[float64]string{0: "u b s1 last_stage final", .3: "u b s1 last_stage final", .45: "u a s0 degraded final"} {
		r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 1})
		r.feed([]int16{0}, 0) // u is .4, and nothing is kept back
		j := <-r.cascade.onlySlow().queue
		keepBack(r, cut)
		r.cascade.onlySlow().enqueue(t.Context(), j)
		r.drain()
		if got := r.verdicts(); got != want {
			t.Errorf("cut %v: %q, want %q", cut, got, want)
		}
	}
}

// Which flows can be kept back: those that the stage before the slow one is unsure of.
func TestWhoIsKeptBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		flags  []int16
		want   string
	}{
		{"unsure", []Model{says(.6), says(.1)}, []int16{0}, "u a s0 degraded final"},
		{"unsure, and ended before its packets came", []Model{says(.6), says(.6), says(.1)}, []int16{rst}, "u a s1 degraded final"},
		{"sure", []Model{says(.9), says(.1)}, []int16{0}, "u a s0 confident final"},
		{"more unsure than the threshold that is applied", []Model{says(.51), says(.1)}, []int16{0, 0}, "u b s1 last_stage final"},
		{"the stage failed", []Model{says(.6), modelFunc(fails), says(.1)}, []int16{0, 0, 0}, "u b s2 last_stage final"},
		{"an earlier stage is unsure", []Model{says(.6), says(.9), says(.1)}, []int16{0, 0}, "u a s1 confident final"},
		{"no stage before", []Model{says(.1)}, []int16{0}, "u b s0 last_stage final"},
	} {
		r := newRig(spec(t, []int{1, 2, 3}[:len(c.models)], c.models...), Config{})
		if r.cascade.onlySlow().steering != nil {
			keepBack(r, .45)
		}
		r.feed(c.flags, 0)
		r.drain()
		if got := r.verdicts(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The queue that catching up leaves full is no load.
func TestCatchingUpLeavesAFullQueue(t *testing.T) {
	late := true
	r := newRig(spec(t, []int{1, 1}, says(.6), says(.1)), Config{Queue: 100, Objective: time.Second, CatchingUp: func() bool { return late }})
	s := r.cascade.onlySlow().steering
	r.cascade.onlySlow().serviceTime.Store(int64(time.Second))
	for range 10 {
		r.feed([]int16{0}, 0)
	}
	now := time.Now()
	step := func(after time.Duration) float64 {
		s.step(now.Add(after))
		return r.metrics(t)["slow_share{s0}"]
	}
	if share := step(0); share != 1 {
		t.Errorf("catching up: share %v", share)
	}
	late = false
	if share := step(settle - 1); share != 1 {
		t.Errorf("just caught up: share %v", share)
	}
	if share := step(settle); share >= 1 {
		t.Errorf("the queue stays full: share %v", share)
	}
	late = true
	if share := step(settle + steer.Step); share != 1 {
		t.Errorf("catching up again: share %v", share)
	}
}

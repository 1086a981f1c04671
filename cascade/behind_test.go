package cascade

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
)

// A flow goes from a slow stage to those behind it, slow or fast, which look at the same packets.
func TestSlowStagesInARow(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		slow   []bool
		flags  []int16
		want   string
	}{
		{"the first of two is sure", []Model{at(t, .6), at(t, .9), says(0)}, []bool{false, true, true}, []int16{0}, "u a s1 confident final 1"},
		{"the second answers, sure or not", []Model{at(t, .6), at(t, .7), at(t, .4)}, []bool{false, true, true}, []int16{0}, "u b s2 last_stage final 1"},
		{"a fast one behind it is sure", []Model{at(t, .6), at(t, .7), at(t, .1), says(1)}, []bool{false, true, false, true}, []int16{0}, "u b s2 confident final 1"},
		{"a fast one between two", []Model{at(t, .6), at(t, .7), at(t, .6), at(t, .4)}, []bool{false, true, false, true}, []int16{0}, "u b s3 last_stage final 1"},
		{"a fast one is the last", []Model{at(t, .6), at(t, .7), at(t, .4)}, []bool{false, true, false}, []int16{0}, "u b s2 last_stage final 1"},
		{"the flow has ended", []Model{at(t, .6), at(t, .7), at(t, .4)}, []bool{false, true, true}, []int16{rst}, "u b s2 last_stage final 1"},
		{"the first of two fails", []Model{at(t, .6), modelFunc(fails), at(t, .4)}, []bool{false, true, true}, []int16{0}, "u b s2 last_stage final 1"},
		{"the second fails", []Model{at(t, .6), at(t, .3), modelFunc(fails)}, []bool{false, true, true}, []int16{0}, "u b s1 degraded final 1"},
		{"the fast one behind fails", []Model{at(t, .6), at(t, .3), modelFunc(fails)}, []bool{false, true, false}, []int16{0}, "u b s1 degraded final 1"},
		{"both fail", []Model{at(t, .6), modelFunc(fails), modelFunc(fails)}, []bool{false, true, true}, []int16{0}, "u a s0 degraded final 1"},
		{"the first stage is slow", []Model{at(t, .7), at(t, .4)}, []bool{true, true}, []int16{0}, "u b s1 last_stage final 1"},
	} {
		for _, deterministic := range []bool{true, false} {
			s := spec(t, make([]int, len(c.models)), c.models...)
			for i := range s.Stages {
				s.Stages[i].Depth, s.Stages[i].Slow = 1, c.slow[i]
			}
			r := newRig(s, Config{Deterministic: deterministic})
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { r.cascade.Run(ctx); close(done) }()
			r.feed(c.flags, 0)
			await.Until(t, c.name, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) == 1 })
			stop()
			<-done
			if got := r.seen(); got != c.want {
				t.Errorf("%s (deterministic %v): got %q, want %q", c.name, deterministic, got, c.want)
			}
		}
	}
}

// Each slow stage has a queue and a breaker of its own: one that hangs keeps the others from
// nothing, and its flows go on to the next.
func TestOneOfTwoSlowStagesHangs(t *testing.T) {
	for _, before := range []bool{true, false} { // whether a fast stage has answered
		hang := make(chan struct{})
		hangs := modelFunc(func([]float32, []float64) error { <-hang; return errors.New("late") })
		s := spec(t, []int{1, 1, 1}, at(t, .6), hangs, at(t, .4))
		s.Stages[1].Slow = true
		if !before {
			s.Stages = s.Stages[1:]
		}
		r := newRig(s, Config{Timeout: 20 * time.Millisecond, Queue: 10})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.cascade.Run(ctx); close(done) }()
		for range 3 {
			r.feed([]int16{0}, 0)
		}
		await.Until(t, "three verdicts", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) == 3 })
		if got, want := r.verdicts(), "u b s2 last_stage final; u b s2 last_stage final; u b s2 last_stage final"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if m := r.metrics(t); m["breaker_openings_total{s1}"] != 1 || m["breaker_state{s2}"] != float64(closed) {
			t.Errorf("openings %v, the other breaker is %v", m["breaker_openings_total{s1}"], m["breaker_state{s2}"])
		}
		stop()
		close(hang)
		<-done
	}
}

// batchBits is a model of three classes whose last bits differ between a batch and a single row.
type batchBits struct{ p [3]float64 }

func (m batchBits) Predict(_ []float32, n int, out []float64) error {
	bits := 1e-7
	if n > 1 {
		bits = -bits
	}
	for i := range n {
		out[3*i], out[3*i+1], out[3*i+2] = m.p[0]+bits, m.p[1], m.p[2]-bits
	}
	return nil
}

// Whether a slow stage hands a flow on, or finds it like no class, does not depend on the batch.
func TestWhatBecomesOfAnAnswerDoesNotDependOnTheBatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		p      [3]float64
		change func(*Spec)
		want   string // of a single row
	}{
		{"sure enough", [3]float64{.8, .15, .05}, func(*Spec) {}, "u a s0 confident final"},
		{"sure enough of the family", [3]float64{.5, .4, .1}, func(s *Spec) {
			s.Families, s.FamilyOf = []Family{{"web", []int{0, 1}, .1}}, []int{0, 0, -1}
		}, "u a s0 family final"},
		{"novel", [3]float64{.1, .5, .4}, func(s *Spec) {
			for i := range s.Stages {
				s.Stages[i].Novelty = &Novelty{Class: 2, Above: .4}
			}
		}, "u unknown s1 novel final"}, // of the last stage: the first one hands it on
	} {
		last := modelFunc(func(_ []float32, out []float64) error { out[0], out[1], out[2] = 0, 0, 1; return nil })
		s := spec(t, []int{1, 1}, batchBits{c.p}, last)
		s.Classes, s.Stages[0].Slow, s.Stages[1].Slow = append(s.Classes, "c"), true, false
		c.change(s)
		for flows := 1; flows < 4; flows++ {
			r := newRig(s, Config{Queue: 10, Batch: 32})
			for range flows {
				r.feed([]int16{0}, 0)
			}
			r.drain()
			for _, v := range r.got {
				if got := v.UID + " " + v.Label() + " " + v.Stage + " " + string(v.Reason) + " final"; got != c.want {
					t.Errorf("%s: of %d flows in the queue: got %q, want %q", c.name, flows, got, c.want)
				}
			}
			if len(r.got) != flows {
				t.Errorf("%s: %d labels of %d flows", c.name, len(r.got), flows)
			}
		}
	}
}

// What a slow stage hands on at the end of a replay waits for room in the queue behind it.
func TestEndOfAReplayLosesNothingBetweenSlowStages(t *testing.T) {
	s := spec(t, []int{1, 1, 1}, at(t, .6), at(t, .7), at(t, .4))
	s.Stages[1].Slow = true
	r := newRig(s, Config{Deterministic: true, Queue: 2 * 40, Batch: 40})
	r.cascade.slow[2].queue = make(chan *job, 1) // smaller than what comes at once
	for range 40 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	if len(r.got) != 40 {
		t.Errorf("%d of 40 flows have a label", len(r.got))
	}
}

package cascade

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// together is two rigs whose cascades decide the flows that are fed to the first.
func together(first, second *rig) (*rig, Tasks) {
	both := Tasks{NewSlot(first.cascade, nil), NewSlot(second.cascade, nil)}
	first.decider, first.tasks = both.Decider(), 2
	return first, both
}

// Each task comes to its own answer at its own packet, and a flow is told of twice.
func TestTasksDecideEachForThemselves(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  []Model
		second []Model
		flags  []int16
		late   time.Duration
		want   [2]string
		waits  []int
		acked  int
	}{
		{"both at once", []Model{says(.9), says(0)}, []Model{says(.1), says(0)}, []int16{0}, 0, [2]string{"u a s0 confident final", "u b s0 confident final"}, nil, 0},
		{"one at once, one later", []Model{says(.9), says(0)}, []Model{says(.6), says(.4)}, []int16{0, 0, 0, 0}, 0,
			[2]string{"u a s0 confident final", "u b s1 last_stage final"}, []int{3}, 0},
		{"the other way round", []Model{says(.6), says(.4)}, []Model{says(.9), says(0)}, []int16{0, 0, 0, 0}, 0,
			[2]string{"u b s1 last_stage final", "u a s0 confident final"}, []int{3}, 0},
		{"one waits for what does not come", []Model{says(.9), says(0)}, []Model{says(.6), says(.4)}, []int16{0, 0}, 2 * time.Second,
			[2]string{"u a s0 confident final", "u b s1 timeout final"}, []int{3}, 0},
		{"one fails on every stage", []Model{modelFunc(fails), modelFunc(fails)}, []Model{says(.9), says(0)}, []int16{0, 0, 0}, 0,
			[2]string{"", "u a s0 confident final"}, []int{3}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newRig(spec(t, []int{1, 3}, c.first...), Config{}), newRig(spec(t, []int{1, 3}, c.second...), Config{})
			both, _ := together(a, b)
			both.feed(c.flags, c.late)
			a.drain()
			b.drain()
			if got := [2]string{a.verdicts(), b.verdicts()}; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(a.waits) != len(c.waits) || len(c.waits) > 0 && a.waits[0] != c.waits[0] {
				t.Errorf("waits for %v packets, want %v", a.waits, c.waits)
			}
			if a.acked != c.acked { // what has a verdict is told by the sink
				t.Errorf("told %d times, want %d", a.acked, c.acked)
			}
		})
	}
}

// A slow stage that hangs delays no label of another task.
func TestATaskThatHangsDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := modelFunc(func([]float32, []float64) error { <-release; return nil })
		a := newRig(spec(t, []int{1, 1}, says(.6), hangs), Config{Queue: 1, Timeout: time.Hour})
		b := newRig(spec(t, []int{1, 1}, says(.9), says(0)), Config{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		both, tasks := together(a, b)
		go func() { tasks.Run(ctx); close(ended) }()
		for range 5 { // one is called, one is queued, and the others find no room
			both.feed([]int16{0}, 0)
			synctest.Wait()
		}
		if got := len(b.got); got != 5 {
			t.Errorf("%d labels of the task that works, want 5", got)
		}
		if got := a.verdicts(); got != "u a s0 degraded final; u a s0 degraded final; u a s0 degraded final" {
			t.Errorf("the task that hangs: %q", got)
		}
		close(release)
		stop()
		<-ended
	})
}

// Nor does one whose first stage is the slow one: its flows have no earlier answer. As many as have
// room wait until it answers again; the others go without its label, and are counted.
func TestATaskWhoseFirstStageHangsDelaysNoOther(t *testing.T) {
	for name, holdBack := range map[string]bool{"load may change labels": false, "it may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var answers atomic.Bool
				hangs := modelFunc(func(_ []float32, out []float64) error {
					for !answers.Load() {
						time.Sleep(time.Second)
					}
					return says(.9)(nil, out)
				})
				a := newRig(spec(t, []int{1}, hangs), Config{Queue: 4, Timeout: 2 * time.Second, Shared: true, HoldBack: holdBack})
				b := newRig(spec(t, []int{1, 1}, says(.9), says(0)), Config{})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				both, tasks := together(a, b)
				go func() { tasks.Run(ctx); close(ended) }()
				for range 100 {
					both.feed([]int16{0}, 0)
					time.Sleep(100 * time.Millisecond)
				}
				synctest.Wait()
				if got := len(b.got); got != 100 {
					t.Errorf("%d labels of the task that works, want 100", got)
				}
				if err := tasks.Ready(); err == nil || !strings.Contains(err.Error(), "the slow stage s0 hangs or fails") {
					t.Errorf("ready: %v", err)
				}
				answers.Store(true)
				time.Sleep(time.Minute)
				synctest.Wait()
				without := testutil.ToFloat64(a.cascade.metrics.unlabelled)
				if got := len(a.got); got < 4 || float64(got)+without != 100 {
					t.Errorf("%d labels of the task that hung, %v flows without one", got, without)
				}
				stop()
				<-ended
			})
		})
	}
}

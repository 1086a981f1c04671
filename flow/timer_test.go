package flow

import (
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"
)

// opened makes a flow whose first packet comes at ts, on a clock that shows the same.
func opened(ts int64) *Flow {
	f := &Flow{}
	f.Put(1, Packet{TS: ts}, nil)
	f.state.reach, f.timer.opened = 1, ts
	return f
}

// The flow that expires first must be found, though packets have moved the times of
// others back since they were put on the heap.
func TestEarliest(t *testing.T) {
	r := testConfig().Rules
	rng := rand.New(rand.NewSource(1))
	for range 200 {
		var h timers
		var flows []*Flow
		for range 1 + rng.Intn(8) {
			f := opened(1000*second + rng.Int63n(4*second))
			h.start(f, &r)
			if f.timer.due != f.expiry(&r) {
				t.Fatalf("due at %d, want %d", f.timer.due, f.expiry(&r))
			}
			flows = append(flows, f)
		}
		for _, f := range flows {
			if rng.Intn(2) == 0 {
				f.Put(2, Packet{TS: f.timer.opened + rng.Int63n(2*second)}, nil)
				f.state.reach = 2
			}
		}
		for len(flows) > 0 {
			first := slices.MinFunc(flows, func(a, b *Flow) int { return int(a.expiry(&r) - b.expiry(&r)) })
			got := h.earliest(&r)
			if got.expiry(&r) != first.expiry(&r) || got.timer.due != got.expiry(&r) {
				t.Fatalf("the earliest expires at %d (due %d), want %d", got.expiry(&r), got.timer.due, first.expiry(&r))
			}
			h.stop(got)
			flows = slices.DeleteFunc(flows, func(f *Flow) bool { return f == got })
			for i, f := range h {
				if int(f.index) != i {
					t.Fatalf("a flow at %d has the index %d", i, f.index)
				}
			}
		}
		if h.earliest(&r) != nil {
			t.Fatal("an empty heap has an earliest flow")
		}
	}
}

// A flow that left the heap must not be kept in memory by it.
func TestStoppedFlowsAreReleased(t *testing.T) {
	r := testConfig().Rules
	var h timers
	f := opened(second)
	h.start(f, &r)
	h.stop(f)
	if len(h) != 0 || h[:1][0] != nil {
		t.Error("the heap still refers to the flow")
	}
}

// A flow must expire after its idle time and its age, whichever is over first, and the
// lateness. Both count on the sensor's clock from the record that opened the flow.
func TestExpiry(t *testing.T) {
	r := Rules{Depth: 4, Idle: 2 * time.Second, MaxAge: 5 * time.Second, Lateness: time.Second}
	for _, tt := range []struct {
		name    string
		opened  int64
		offset  int64
		packets []int64
		want    int64
	}{
		{"idle", 100 * second, 0, []int64{100 * second}, 103 * second},
		{"a second packet", 100 * second, 0, []int64{100 * second, 101 * second}, 104 * second},
		{"age", 100 * second, 0, []int64{100 * second, 102 * second, 104 * second}, 106 * second},
		{"another clock", 100 * second, 7 * second, []int64{100 * second}, 110 * second},
		{"the first packet comes later, far ahead", 100 * second, 0, []int64{900 * second, 901 * second}, 106 * second},
		{"no end of time", math.MaxInt64, 0, []int64{math.MaxInt64}, math.MaxInt64},
	} {
		f := &Flow{}
		for i, ts := range tt.packets {
			f.Put(i+1, Packet{TS: ts}, nil)
		}
		f.state.reach = int8(len(tt.packets))
		f.timer.opened, f.timer.offset = tt.opened, tt.offset
		if got := f.expiry(&r); got != tt.want {
			t.Errorf("%s: expires at %d, want %d", tt.name, got, tt.want)
		}
	}
}

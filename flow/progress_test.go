package flow

import (
	"math"
	"testing"
	"time"
)

func TestLaterStaysInRange(t *testing.T) {
	for _, tt := range []struct {
		ts   int64
		d    time.Duration
		want int64
	}{
		{5, 0, 5},
		{5, time.Second, 1_000_005},
		{5, 999 * time.Nanosecond, 5},
		{math.MaxInt64 - 1_000_000, time.Second, math.MaxInt64},
		{math.MaxInt64 - 999_999, time.Second, math.MaxInt64},
		{math.MaxInt64, 0, math.MaxInt64},
	} {
		if got := later(tt.ts, tt.d); got != tt.want {
			t.Errorf("%d and %v later: %d, want %d", tt.ts, tt.d, got, tt.want)
		}
	}
}

// At the end of its time a flow must be decided with the packets that came up to the
// horizon, holes or not, and without later ones.
func TestExpireTakesPacketsWithinTheHorizon(t *testing.T) {
	r := testConfig().Rules // idle 2 s, age 10 s
	for _, tt := range []struct {
		name    string
		packets map[int]int64 // number and seconds
		want    string
	}{
		{"at the horizon", map[int]int64{1: 0, 3: 2}, "x.x"},
		{"after it", map[int]int64{1: 0, 3: 3}, "x"},
		{"after it, and one in time behind it", map[int]int64{1: 0, 3: 3, 4: 1}, "x.xx"},
		{"without the first", map[int]int64{2: 0, 3: 2, 4: 3}, ".xx"},
		{"the age counts, too", map[int]int64{1: 0, 2: 2, 3: 4, 4: 6, 5: 8, 6: 10, 8: 11}, "xxxxxx"},
	} {
		f := &Flow{}
		for n := 1; n <= 8; n++ {
			if s, ok := tt.packets[n]; ok {
				f.Put(n, Packet{TS: s * second}, nil)
			}
		}
		f.advance(&r)
		f.expire(&r, Evicted)
		if got := places(f); got != tt.want || f.Cause() != Evicted || !f.Ready() {
			t.Errorf("%s: %s, %s, want %s", tt.name, got, f.Cause(), tt.want)
		}
	}
}

// A flow that is closed must keep its cause and its packets.
func TestExpireLeavesAClosedFlow(t *testing.T) {
	r := testConfig().Rules
	f := &Flow{}
	f.Put(1, Packet{TS: second}, nil)
	f.advance(&r)
	f.close(Ended, 1, 0)
	f.Put(2, Packet{TS: second}, nil)
	f.limit = 1
	f.expire(&r, TimedOut)
	if f.Cause() != Ended || len(f.Packets(9)) != 1 {
		t.Errorf("%s with %d packets", f.Cause(), len(f.Packets(9)))
	}
}

// The packets of an end record must all have come before it closes the flow.
func TestCompleteCountsWhatZeekSent(t *testing.T) {
	for _, tt := range []struct {
		sent    uint8
		packets []int
		opens   int // the tasks look at no more packets
		want    bool
	}{
		{0, []int{1, 2}, 0, true},
		{0, []int{1, 3}, 0, false},
		{2, []int{1, 2}, 0, true},
		{3, []int{1, 2}, 0, false},
		{1, []int{1, 2}, 0, true},
		{math.MaxUint8, []int{1, 2}, 0, false},
		{0, []int{1, 2, 4}, 0, false},
		{0, []int{1, 2, 4}, 3, true},
		{0, []int{1, 3, 4}, 3, false},
		{0, []int{1, 2, 3, 5}, 3, false},
		{0, []int{1, 2}, 3, true},
	} {
		f := &Flow{}
		for _, n := range tt.packets {
			f.Put(n, Packet{TS: second}, nil)
		}
		f.advance(&Rules{Idle: time.Second, MaxAge: time.Second})
		f.state.sent = tt.sent
		if got := f.complete(&Rules{Opens: tt.opens}); got != tt.want {
			t.Errorf("packets %v of %d: complete %v", tt.packets, tt.sent, got)
		}
	}
}

package flow

import (
	"testing"
	"time"
)

// What closed a flow, and with which packets, does not depend on whether a task's patience was
// over first.
func TestClosing(t *testing.T) {
	cfg := testConfig()
	cfg.Rules.Idle = 8 * time.Second
	for _, c := range []struct {
		name     string
		close    func(*Flow)
		patience time.Duration
		cause    Cause
		limit    int
		due      float64 // seconds behind the first packet
	}{
		{"by a record, and the task waits as long as the flow", func(f *Flow) { f.state.byRecord = true; f.close(Ended, 4, 6*second) }, 0, Ended, 4, 6},
		{"by a record that Zeek wrote when patience was over", func(f *Flow) { f.state.byRecord = true; f.close(Ended, 2, 6*second) }, time.Second, TimedOut, 2, 2},
		{"by a record that Zeek wrote when patience may have been over", func(f *Flow) { f.state.byRecord = true; f.close(Ended, 2, 6*second) }, 5 * time.Second, TimedOut, 2, 6},
		{"by a packet", func(f *Flow) { f.close(Ended, 2, second) }, time.Second, Ended, 2, 1},
		{"with a packet behind a hole that came in time", func(f *Flow) { f.expire(&cfg.Rules, Evicted) }, 3 * time.Second, Evicted, 4, 1},
		{"with one that came too late", func(f *Flow) { f.expire(&cfg.Rules, Evicted) }, 2 * time.Second, Evicted, 2, 1},
	} {
		f := &Flow{Cursors: make([]Cursor, 1)}
		for n, s := range map[int]int64{1: 0, 2: 1, 4: 4} {
			f.Put(n, Packet{TS: s * second}, nil)
		}
		f.advance(&cfg.Rules)
		c.close(f)
		if cause, limit, due := f.Closing(c.patience); cause != c.cause || limit != c.limit || due != int64(c.due*1e6) {
			t.Errorf("%s: %v with %d packets, due at %d, want %v with %d at %v s", c.name, cause, limit, due, c.cause, c.limit, c.due)
		}
		if torn := f.TornDown(2); torn != (c.name == "by a packet") {
			t.Errorf("%s: torn down %v", c.name, torn)
		}
		if f.Missing(2) || c.limit == 4 && !f.Missing(4) {
			t.Errorf("%s: packet 3 alone is missing", c.name)
		}
	}
}

// A flow is due for the first task whose patience is over, and stays open for the others.
func TestLapse(t *testing.T) {
	cfg := testConfig()
	cfg.Tasks = 3
	table := New(cfg)
	f, _ := table.Add(pkt("a", 1, 0, 0))
	f.Cursors[0].Patience, f.Cursors[1].Patience = 500*time.Millisecond, time.Second
	table.Keep(f)
	for _, step := range []struct {
		at   float64
		want [3]Cause
	}{
		{1.5, [3]Cause{}},
		{1.500001, [3]Cause{TimedOut}},
		{2.000001, [3]Cause{TimedOut, TimedOut}},
	} {
		table.Add(pkt("b", 9, step.at, 0)) // moves the clock; the lateness of 1 s counts, too
		for due := table.Due(); due != nil; due = table.Due() {
			if !due.Ready() || due.Cause() != Reached {
				t.Errorf("at %v it is ready: %v, and closed by %v", step.at, due.Ready(), due.Cause())
			}
			table.Keep(due)
		}
		if got := [3]Cause{f.Cursors[0].Cause, f.Cursors[1].Cause, f.Cursors[2].Cause}; got != step.want || f.Cursors[2].Limit != 0 {
			t.Errorf("at %v: %v, want %v", step.at, got, step.want)
		}
	}
	if a, b := f.Cursors[0].Due-f.First(), f.Cursors[1].Due-f.First(); a != second/2 || b != second {
		t.Errorf("the patience of the first task was over after %d us, that of the second after %d", a, b)
	}
	table.Add(pkt("b", 9, 3.000001, 0))
	if due := table.Due(); due != f || due.Cause() != TimedOut {
		t.Errorf("the flow's own time is over, and %v is due", due)
	}
}

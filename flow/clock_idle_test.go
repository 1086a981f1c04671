package flow

import (
	"testing"
	"time"
)

// Wall time must move the clock by what was waited since the last record that was
// believed. A wait in which such a record came does not count.
func TestIdleCountsFromTheLastRecord(t *testing.T) {
	const start = 1000 * second
	var c clock
	c.idle(time.Hour, 0)
	if c != (clock{}) {
		t.Fatalf("wall time moved a clock that has no time: %+v", c)
	}
	c.observe(start)
	for i, step := range []struct {
		ts   int64 // a record, or
		wait time.Duration
		want int64 // from start
	}{
		{wait: time.Second, want: 0}, // it ended with the record
		{wait: 2 * time.Second, want: 2 * second},
		{wait: 3 * time.Second, want: 5 * second},
		{ts: start + 1e9*second, want: 5 * second}, // an outlier
		{wait: time.Second, want: 6 * second},
		{ts: start + 4*second, want: 6 * second}, // the clock is ahead of it
		{wait: 9 * time.Second, want: 6 * second},
		{wait: time.Second, want: 7 * second},
		{ts: start + 9*second, want: 9 * second},
		{wait: 0, want: 9 * second},
		{wait: 999 * time.Nanosecond, want: 9 * second}, // the clock counts microseconds
		{wait: time.Nanosecond, want: 9*second + 1},
		{wait: time.Second - time.Microsecond, want: 10 * second},
	} {
		if step.ts != 0 {
			c.observe(step.ts)
		} else {
			c.idle(step.wait, 0)
		}
		if got := c.now - start; got != step.want {
			t.Errorf("step %d: the clock moved by %d, want %d", i, got, step.want)
		}
	}
}

// Idle must move the clocks of all sensors, and with them the time of the table.
func TestIdleMovesTheTable(t *testing.T) {
	table := New(testConfig())
	run(table, from("a", pkt("a", 1, 0, syn)), from("b", pkt("b", 1, 0, syn)))
	before := table.now
	table.Idle(time.Second) // it ended with the records
	table.Idle(3*time.Second + time.Microsecond)
	if table.now != before+3*second+1 {
		t.Errorf("the table's time moved by %d", table.now-before)
	}
	decided := map[string]bool{}
	for f := table.Due(); f != nil; f = table.Due() {
		decided[f.UID] = true
		table.Finish(f)
	}
	if len(decided) != 2 {
		t.Errorf("only %v are decided", decided)
	}
}

// Records may be on their way: with a short lateness a silence must move the clock by what
// is beyond a second, lateness and all; with a long one by all of it.
func TestSilenceMayBeAStall(t *testing.T) {
	for _, test := range []struct{ lateness, silence time.Duration }{
		{0, 3 * time.Second}, {200 * time.Millisecond, 3 * time.Second}, {time.Second, 3 * time.Second}, {4 * time.Second, 6 * time.Second},
	} {
		cfg := testConfig()
		cfg.Rules.Lateness = test.lateness
		table := New(cfg)
		run(table, pkt("a", 1, 0, syn))
		table.Idle(0) // it ended with the record
		for range 10 {
			table.Idle(test.silence / 10)
		}
		if f := table.Due(); f != nil {
			t.Errorf("lateness %v: decided after a silence of %v", test.lateness, test.silence)
		}
		table.Idle(time.Microsecond)
		if f := table.Due(); f == nil || f.Cause() != TimedOut {
			t.Errorf("lateness %v: still open after more than %v", test.lateness, test.silence)
		}
	}
}

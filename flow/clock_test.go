package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

const tenYears = 10 * 365 * 24 * 3600.

// others opens a flow of one packet every 100 ms, from and to in seconds. Each flow
// waits until its idle time is over.
func others(from, to float64) []*zeek.Record {
	var all []*zeek.Record
	for i := int(from * 10); i < int(to*10); i++ {
		all = append(all, pkt(fmt.Sprint("o", i), 1, float64(i)/10, syn))
	}
	return all
}

func TestOutlierMovesOnlyItsOwnFlow(t *testing.T) {
	for name, at := range map[string]float64{"ten years ahead": tenYears, "ten years back": -tenYears, "minutes ahead": 300} {
		for _, first := range []bool{true, false} {
			without, with := New(testConfig()), New(testConfig())
			want := run(without, others(0, 60)...)
			var records []*zeek.Record
			if !first {
				records = others(0, 30)
			}
			records = append(records, pkt("outlier", 1, at, syn))
			if first {
				records = append(records, others(0, 30)...)
			}
			records = append(records, others(30, 60)...)
			got := cut(run(with, records...), "outlier")
			if first { // the clock starts at the outlier, and needs JumpQuorum records to leave it
				got, want = got[len(got)-100:], want[len(want)-100:]
			}
			if got != want {
				t.Errorf("%s, first=%v: decisions differ:\n%s\n%s", name, first, got, want)
			}
		}
	}
}

// cut removes the decision on one flow.
func cut(decisions, uid string) string {
	return strings.ReplaceAll(decisions, uid+" x timeout; ", "")
}

func TestOutlierIsDecidedLikeAnyOther(t *testing.T) {
	table := New(testConfig())
	run(table, others(0, 10)...)
	run(table, pkt("outlier", 1, tenYears, syn))
	if got := run(table, others(10, 20)...); !strings.Contains(got, "outlier x timeout") {
		t.Errorf("the outlier holds the watermark: %q", got)
	}
}

func TestClockFollowsAJump(t *testing.T) {
	table := New(testConfig())
	run(table, others(0, 10)...)
	run(table, pkt("open", 1, 10, syn))
	got := run(table, others(1000, 1020)...)
	if !strings.Contains(got, "open x timeout") {
		t.Error("record time moved on by a quarter of an hour and the flow is still open")
	}
}

// Captures of different years are in one topic. A flow that finishes while the clock
// does not yet believe the new time must stay finished.
func TestJumpForgetsNothing(t *testing.T) {
	cfg := testConfig()
	cfg.Remember, cfg.Limits.Finished = 6*time.Minute, 1000
	table := New(cfg)
	run(table, others(0, 10)...)
	run(table, pkt("a", 1, tenYears, rst))
	run(table, others(tenYears, tenYears+20)...)
	if _, got := table.Add(pkt("a", 2, tenYears+20, ack)); got != Late {
		t.Errorf("a was decided 20 s ago: %s", Outcomes[got])
	}
}

func TestClockRunsOnWhenRecordTimeStepsBack(t *testing.T) {
	var c clock
	for _, ts := range []int64{1000 * second, 1001 * second} {
		c.observe(ts)
	}
	for i := range int64(300) {
		c.observe(500*second + i*second/10)
	}
	if got := c.now - 1001*second; got < 15*second || got > 30*second {
		t.Errorf("the clock moved by %d s, record time by 30 s since the step", got/second)
	}
}

func TestIdleClock(t *testing.T) {
	table := New(testConfig())
	table.Idle(time.Hour) // before any record: there is no time to count from
	run(table, pkt("a", 1, 0, syn))
	table.Idle(2900 * time.Millisecond)
	if got := run(table); got != "" || table.Due() != nil {
		t.Error("the flow is decided before its idle time is over")
	}
	table.Idle(3*time.Second + time.Microsecond)
	if f := table.Due(); f == nil || f.UID != "a" || f.Cause() != TimedOut {
		t.Error("no record came for three seconds of wall time and the flow is still open")
	}
}

package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

const tenYears = 10 * 365 * 24 * 3600.

// others is a flow of one packet every 100 ms, each waiting out its idle time.
func others(from, to float64) []*zeek.Record {
	var all []*zeek.Record
	for i := int(from * 10); i < int(to*10); i++ {
		all = append(all, pkt(fmt.Sprint("o", i), 1, float64(i)/10, syn))
	}
	return all
}

func TestWildRecordMovesOnlyItsOwnFlow(t *testing.T) {
	for name, wild := range map[string]float64{"ten years ahead": tenYears, "ten years back": -tenYears, "minutes ahead": 300} {
		for _, first := range []bool{true, false} {
			calm, stirred := New(testConfig()), New(testConfig())
			want := run(calm, others(0, 60)...)
			var records []*zeek.Record
			if !first {
				records = others(0, 30)
			}
			records = append(records, pkt("wild", 1, wild, syn))
			if first {
				records = append(records, others(0, 30)...)
			}
			records = append(records, others(30, 60)...)
			got := without(run(stirred, records...), "wild")
			if first { // the clock needs some records to disbelieve the first one
				got, want = got[len(got)-100:], want[len(want)-100:]
			}
			if got != want {
				t.Errorf("%s, first=%v: decisions differ:\n%s\n%s", name, first, got, want)
			}
		}
	}
}

func without(decisions, uid string) string {
	return strings.ReplaceAll(decisions, uid+" x timeout; ", "")
}

func TestWildFlowIsDecidedLikeAnyOther(t *testing.T) {
	table := New(testConfig())
	run(table, others(0, 10)...)
	run(table, pkt("wild", 1, tenYears, syn))
	if got := run(table, others(10, 20)...); !strings.Contains(got, "wild x timeout") {
		t.Errorf("the wild flow pins the watermark: %q", got)
	}
}

func TestClockFollowsARealLeap(t *testing.T) {
	table := New(testConfig())
	run(table, others(0, 10)...)
	run(table, pkt("open", 1, 10, syn))
	got := run(table, others(1000, 1020)...)
	if !strings.Contains(got, "open x timeout") {
		t.Error("time went on by a quarter of an hour and the flow is still open")
	}
}

// Captures of different years in one topic: the flows that finish while the clock
// still disbelieves the new time stay finished.
func TestLeapForgetsNothing(t *testing.T) {
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

func TestClockGoesOnWhereRecordTimeStepsBack(t *testing.T) {
	var c clock
	for _, ts := range []int64{1000 * second, 1001 * second} {
		c.observe(ts)
	}
	for i := range int64(300) {
		c.observe(500*second + i*second/10)
	}
	if got := c.now - 1001*second; got < 15*second || got > 30*second {
		t.Errorf("the clock moved by %d s, the records by 30 since the step", got/second)
	}
}

func TestIdleClock(t *testing.T) {
	table := New(testConfig())
	table.Idle(time.Hour) // before any record: nothing to measure from
	run(table, pkt("a", 1, 0, syn))
	table.Idle(2900 * time.Millisecond)
	if got := run(table); got != "" || table.Due() != nil {
		t.Error("too early")
	}
	table.Idle(3 * time.Second)
	if f := table.Due(); f == nil || f.UID != "a" || f.Cause() != TimedOut {
		t.Error("no record came for three seconds of wall time and the flow is still open")
	}
}

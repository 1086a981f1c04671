package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A flow must be decided after 12 s of wall time (the maximum age and twice the lateness)
// in which record time stands still, and not before.
func TestMaxWaitIsExact(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, syn))
	table.Idle(12*time.Second - 1) // the clock does not count it: a record came before
	if f := table.Due(); f != nil {
		t.Fatalf("%s is decided too early", f.UID)
	}
	run(table, pkt("b", 1, 0, rst))
	table.Idle(1)
	f := table.Due()
	if f == nil || f.UID != "a" || f.Cause() != TimedOut {
		t.Fatal("the flow is still open after 12 s")
	}
	table.Finish(f)
	run(table, pkt("c", 1, 0, syn)) // opened now: the wait before does not count
	table.Idle(time.Second)
	if table.Due() != nil {
		t.Error("c is decided for the time before it opened")
	}
}

// A table must hold what its limits say and evict one flow above them.
func TestLimitsAreExact(t *testing.T) {
	three := []*zeek.Record{pkt("0", 1, 0, syn), pkt("1", 1, .1, syn), pkt("2", 1, .2, syn), pkt("0", 2, .3, ack)}
	measured := New(testConfig())
	run(measured, three...)
	_, size, _ := measured.Size()
	for name, set := range map[string]func(*Limits){
		"flows": func(l *Limits) { l.Flows = 3 },
		"bytes": func(l *Limits) { l.Bytes = size },
	} {
		cfg := testConfig()
		set(&cfg.Limits)
		table := New(cfg)
		if got := run(table, three...); got != "" {
			t.Errorf("%s: %q at the limit", name, got)
		}
		// Flow 0 is the oldest, but flow 1 would expire first.
		if got := run(table, pkt("3", 1, 1, syn)); got != "1 x evicted" {
			t.Errorf("%s: got %q above the limit", name, got)
		}
	}
}

// Without Limits.Records no number of records may end a flow.
func TestNoLimitOnRecords(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, syn))
	for range 10_000 {
		table.Skip()
	}
	if table.Due() != nil {
		t.Error("10,000 records ended a flow, and there is no limit")
	}
}

// With a limit of one record the next record must end a flow.
func TestLimitOfOneRecord(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Records = 1
	table := New(cfg)
	if got := run(table, pkt("a", 1, 0, syn)); got != "" {
		t.Errorf("the record that opened the flow ended it: %q", got)
	}
	table.Skip()
	if f := table.Due(); f == nil || f.Cause() != Evicted {
		t.Error("the next record came and the flow is still open")
	}
}

// Memory must come from the sensor with the most open flows.
func TestEvictionTakesTheBusiestSensor(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Flows = 5
	table := New(cfg)
	got := run(table, from("a", pkt("a1", 1, 0, syn)), from("b", pkt("b1", 1, 0, syn)), from("b", pkt("b2", 1, .1, syn)),
		from("b", pkt("b3", 1, .2, syn)), from("a", pkt("a2", 1, 0, syn)), from("c", pkt("c1", 1, 0, syn)))
	if got != "b1 x evicted" {
		t.Errorf("got %q", got)
	}
}

// Drain must give every flow once, each as a timeout, and then nil.
func TestDrainEmptiesTheTable(t *testing.T) {
	table := New(testConfig())
	run(table, from("a", pkt("a1", 1, 0, syn)), from("a", pkt("a2", 1, .1, syn)), from("b", pkt("b1", 1, 0, syn)), from("a", pkt("a1", 2, .2, ack)))
	var got []string
	for f := table.Drain(); f != nil; f = table.Drain() {
		got = append(got, f.UID+" "+f.Cause().String())
		table.Finish(f)
	}
	if fmt.Sprint(got) != "[a2 timeout a1 timeout b1 timeout]" {
		t.Errorf("got %v", got)
	}
}

// Each of 256 sensors must have a clock of its own, and the next one must share the clock
// of records that name none.
func TestSensorsHaveClocksUpToTheLimit(t *testing.T) {
	s := newSensors()
	seen := map[*sensor]bool{s.all[0]: true}
	for i := range 256 {
		got := s.named(fmt.Append(nil, i))
		if seen[got] || got.name != fmt.Sprint(i) || s.named(fmt.Append(nil, i)) != got {
			t.Fatalf("sensor %d shares a clock", i)
		}
		seen[got] = true
	}
	if s.named([]byte("one more")) != s.all[0] || s.named(nil) != s.all[0] || len(s.all) != 257 {
		t.Errorf("sensor 257 has a clock of its own, %d have", len(s.all))
	}
	if got := s.named([]byte("7")); got.name != "7" || s.last != got {
		t.Errorf("sensor 7 is taken for %q, the next record's sensor is expected to be %q", got.name, s.last.name)
	}
}

package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A flow that never ends holds the watermark for so many records, and no longer.
func TestOldestFlowIsDecidedAfterSoManyRecords(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Records, cfg.Limits.Finished = 50, 1000
	table := New(cfg)
	var got []string
	for i := range 200 { // record time hardly moves
		got = append(got, run(table, pkt(fmt.Sprint("done", i), 1, float64(i)*1e-6, rst), pkt("endless", 1, 0, syn)))
	}
	first := -1
	for i, decisions := range got {
		if at := strings.Contains(decisions, "endless x evicted"); at && first < 0 {
			first = i
		} else if at {
			t.Errorf("record %d: decided again", i)
		}
	}
	if first != 25 { // two records a turn
		t.Errorf("decided in turn %d, its 50 records were over in 25", first)
	}
}

// Records that cannot be read count as any other.
func TestBadRecordsEndAFlowToo(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Records = 50
	table := New(cfg)
	run(table, pkt("a", 1, 0, syn))
	for range 49 {
		table.Skip()
	}
	if table.Due() != nil {
		t.Error("too early")
	}
	if table.Skip(); table.Due() == nil {
		t.Error("50 records came and the flow is still open")
	}
}

// Records trickle in whose time stands still: wall time at the partition's end
// decides, and no sooner than record time would have.
func TestTimeThatStandsStillEndsInWallTime(t *testing.T) {
	cfg := testConfig()
	table := New(cfg)
	run(table, pkt("a", 1, 0, syn))
	spent := time.Duration(0)
	for i := 0; ; i++ {
		if got := run(table, pkt(fmt.Sprint("b", i), 1, 0, rst)); strings.Contains(got, "a x timeout") {
			break
		}
		table.Idle(100 * time.Millisecond)
		if spent += 100 * time.Millisecond; spent > time.Minute {
			t.Fatal("a minute of wall time and the flow is still open")
		}
	}
	if spent <= cfg.Rules.MaxAge+cfg.Rules.Lateness {
		t.Errorf("decided after %v, sooner than its record time allows", spent)
	}
}

// A wild trickle moves no clock; wall time does.
func TestWildRecordsDoNotStopTheIdleClock(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, syn))
	var got string
	for i := range 40 {
		table.Idle(100 * time.Millisecond)
		got += run(table, pkt(fmt.Sprint("wild", i), 1, tenYears, rst)) + "; "
	}
	if !strings.Contains(got, "a x timeout") {
		t.Error("four seconds without a record that is believed and the flow is still open")
	}
}

// A flow whose first packet comes second, ten years ahead, waits no longer for it.
func TestWildFirstPacketDoesNotKeepItsFlow(t *testing.T) {
	cfg := testConfig()
	table := New(cfg)
	run(table, pkt("a", 2, 0, ack), pkt("a", 1, tenYears, syn))
	if got := run(table, others(0, 12)...); !strings.Contains(got, "a ") {
		t.Error("its age is over and the flow is still open")
	}
}

func TestHeadlessFlowsAreCounted(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 2, 0, rst), pkt("b", 1, 0, rst), pkt("c", 2, 0, ack), pkt("c", 1, .1, rst), pkt("d", 1, 9, ack))
	if _, headless := table.Losses(); headless != 1 {
		t.Errorf("%d flows are counted as headless: a is, b is whole, c's first packet came late", headless)
	}
}

// The cascade's answer lies in the flow while it waits: it must be counted, and
// given back, whether or not the flow's storage is used again.
func TestAnswersAreCounted(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Flows = 5000
	cfg.Limits.Bytes = 1 << 30
	table := New(cfg)
	var open []*Flow
	for i := range 3000 {
		f, _ := table.Add(pkt(fmt.Sprint(i), 1, 0, syn))
		f.Cursor.Answer = append(f.Cursor.Answer[:0], make([]float64, 14)...)
		table.Keep(f)
		open = append(open, f)
	}
	_, held, _ := table.Size()
	if least := 3000 * 14 * 8; held < least {
		t.Errorf("%d bytes are counted, the answers alone are %d", held, least)
	}
	for _, f := range open {
		f.Cursor.Answer = append(f.Cursor.Answer, make([]float64, 100)...) // a later stage's, on the way out
		table.Finish(f)
	}
	if flows, bytes, _ := table.Size(); flows != 0 || bytes != 0 {
		t.Errorf("all are decided: %d flows and %d bytes are left", flows, bytes)
	}
}

func from(sensor string, rec *zeek.Record) *zeek.Record {
	rec.Sensor = []byte(sensor)
	return rec
}

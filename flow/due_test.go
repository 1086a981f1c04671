package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// A flow that never ends must hold the watermark for Limits.Records, and no longer.
func TestOldestFlowIsDecidedAfterLimitsRecords(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Records, cfg.Limits.Finished = 50, 1000
	table := New(cfg)
	var got []string
	for i := range 200 { // record time moves by 200 microseconds in all
		got = append(got, run(table, pkt(fmt.Sprint("done", i), 1, float64(i)*1e-6, rst), pkt("endless", 1, 0, syn)))
	}
	first := -1
	for i, decisions := range got {
		if at := strings.Contains(decisions, "endless x evicted"); at && first < 0 {
			first = i
		} else if at {
			t.Errorf("turn %d: decided again", i)
		}
	}
	if first != 25 { // two records a turn
		t.Errorf("decided in turn %d, its 50 records were over in 25", first)
	}
}

// Records that cannot be read must count as any other.
func TestSkippedRecordsCount(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Records = 50
	table := New(cfg)
	run(table, pkt("a", 1, 0, syn))
	for range 49 {
		table.Skip()
	}
	if table.Due() != nil {
		t.Error("the flow is decided after 49 records, and 50 are allowed")
	}
	if table.Skip(); table.Due() == nil {
		t.Error("50 records came and the flow is still open")
	}
}

// The time of the records stands still. Wall time at the end of the partition must
// then decide, and no sooner than record time would have.
func TestWallTimeDecidesWhenRecordTimeStandsStill(t *testing.T) {
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

// Outliers that keep coming move no clock, so wall time must.
func TestOutliersDoNotStopTheIdleClock(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, syn))
	var got string
	for i := range 40 {
		table.Idle(100 * time.Millisecond)
		got += run(table, pkt(fmt.Sprint("outlier", i), 1, tenYears, rst)) + "; "
	}
	if !strings.Contains(got, "a x timeout") {
		t.Error("four seconds without a record that is believed and the flow is still open")
	}
}

// The first packet of a flow comes second, ten years ahead. The flow must not wait
// until then.
func TestOutlierAsFirstPacketDoesNotKeepItsFlowOpen(t *testing.T) {
	cfg := testConfig()
	table := New(cfg)
	run(table, pkt("a", 2, 0, ack), pkt("a", 1, tenYears, syn))
	if got := run(table, others(0, 12)...); !strings.Contains(got, "a ") {
		t.Error("its age is over and the flow is still open")
	}
}

func TestFlowsWithoutFirstPacketAreCounted(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 2, 0, rst), pkt("b", 1, 0, rst), pkt("c", 2, 0, ack), pkt("c", 1, .1, rst), pkt("d", 1, 9, ack))
	if _, withoutFirst := table.Losses(); withoutFirst != 1 {
		t.Errorf("%d flows are counted as without a first packet: only a is, b has it and c's came late", withoutFirst)
	}
}

// The flow holds the cascade's answer while it waits. Its memory must be counted, and
// must be returned whether or not the flow's storage is used again.
func TestAnswersAreCounted(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Flows = 5000
	cfg.Limits.Bytes = 1 << 30
	table := New(cfg)
	var open []*Flow
	for i := range 3000 {
		f, _ := table.Add(pkt(fmt.Sprint(i), 1, 0, syn))
		f.Cursors[0].Answer = append(f.Cursors[0].Answer[:0], make([]float32, 14)...)
		table.Keep(f)
		open = append(open, f)
	}
	_, held, _ := table.Size()
	if least := 3000 * 14 * 8; held < least {
		t.Errorf("%d bytes are counted, the answers alone are %d", held, least)
	}
	for _, f := range open {
		f.Cursors[0].Answer = append(f.Cursors[0].Answer, make([]float32, 100)...) // a later stage's, after the last Keep
		table.Finish(f)
	}
	if flows, bytes, _ := table.Size(); flows != 0 || bytes != 0 {
		t.Errorf("all are decided: %d flows and %d bytes are left", flows, bytes)
	}
}

// from names the sensor of a record.
func from(sensor string, rec *zeek.Record) *zeek.Record {
	rec.Sensor = []byte(sensor)
	return rec
}

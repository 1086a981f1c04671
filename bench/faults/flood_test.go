package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Floods of flows, and flows that never end.
func TestFaultsFlood(t *testing.T) {
	requireBench(t)
	broker := kafkatest.Start(t).Addr
	for _, f := range []struct {
		fault, target string
		do            func(*testing.T, *row, string)
	}{
		{fmt.Sprintf("%d uids of one packet each, as fast as they go", floodUIDs()), "resident memory under the cap; lost 0", floodOfUIDs},
		{"a real spoofed SYN flood", "resident memory under the cap; lost 0; labels as by replay", realFlood},
		{fmt.Sprintf("%d flows held open", heldOpen()), "resident memory under the cap; lost 0", manyOpen},
		{fmt.Sprintf("a flow that never ends, %d records beside it", endlessRecords()), "decided with what there is after SERVEFLOW_MAX_PIN_RECORDS", endlessFlow},
		{"record time that stands still", "decided after SERVEFLOW_FLOW_MAX_AGE of wall time", timeStandsStill},
		{"ts ten years ahead and back, sensors minutes apart, time going back", "only its own flow; others' labels equal", wildTimes},
	} {
		run(t, f.fault, f.target, func(t *testing.T, r *row) { f.do(t, r, broker) })
	}
}

func floodUIDs() int      { return choose(60_000, 10_000_000) }
func heldOpen() int       { return choose(25_000, 100_000) }
func endlessRecords() int { return choose(150_000, 1_500_000) }
func maxInFlight() int    { return choose(50_000, 1_000_000) }

// floodCap returns the memory limit of a member: as a setting, and in bytes.
func floodCap() (string, int64) {
	mib := choose(512, 1024)
	return fmt.Sprintf("SERVEFLOW_MAX_MEMORY=%dMiB", mib), int64(mib) << 20
}

func ordinary() traffic { return traffic{flows: choose(300, 5000), rate: choose(100., 200)} }

// injectedFlows counts the labels of flows that a row sends by itself. Their uids begin with X.
type injectedFlows struct{ labels atomic.Int64 }

func (f *injectedFlows) count(uid string) bool {
	if !strings.HasPrefix(uid, "X") {
		return false
	}
	f.labels.Add(1)
	return true
}

// check checks that every injected flow has a label, and that the member's metrics add up:
// flows opened = labels + unlabelled + open.
func (f *injectedFlows) check(t *testing.T, h *harness, flows int) {
	t.Helper()
	m := h.running()[0]
	if got := f.labels.Load(); got < int64(flows) {
		t.Errorf("%d of %d foreign flows have a label", got, flows)
	}
	opened := m.metric("serveflow_records_total", `outcome="opened"`)
	closed := m.metric("serveflow_labels_total", `final="true"`) + m.metric("serveflow_flows_unlabelled_total")
	if open := m.metric("serveflow_open_flows"); opened != closed+open {
		t.Errorf("%.0f flows opened, %.0f labelled or counted, %.0f open", opened, closed, open)
	}
}

// floodOfUIDs writes flows of one packet each, beside ordinary traffic. That packet decides half
// of them; the others wait for more until memory is short.
func floodOfUIDs(t *testing.T, r *row, broker string) {
	setting, bytes := floodCap()
	f := &injectedFlows{}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, injected: f.count})
	h.start(1, setting)
	h.awaitReady()
	h.send(ordinary())
	began := time.Now()
	for part := range 10 {
		rec := firstPacket(t, h, part%2 == 0)
		h.sendLoad(t, floodUIDs()/10, load{record: rec, step: 6 * time.Microsecond, recordsPerUID: 1}) // 10 million per minute
	}
	r.note("written in %.1f s", time.Since(began).Seconds())
	h.settle(5 * time.Minute)
	r.note("labelled in %.1f s", time.Since(began).Seconds())
	m := h.running()[0]
	r.note("%.0f evicted, %.0f uids forgotten early, %.0f flows without their first packet", m.metric("serveflow_labels_total", `reason="evicted"`),
		m.metric("serveflow_finished_uids_forgotten_total"), m.metric("serveflow_flows_without_first_packet_total"))
	f.check(t, h, floodUIDs())
	r.check(t, h.finish(), limits{memory: bytes, exceptions: true})
}

// manyOpen opens many flows that wait for their second packet.
func manyOpen(t *testing.T, r *row, broker string) {
	f := &injectedFlows{}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, injected: f.count,
		settings: []string{"SERVEFLOW_FLOW_IDLE=6s", "SERVEFLOW_BUNDLE=" + patientBundle(t)}})
	h.start(1) // with the default limit, 1 GiB
	h.awaitReady()
	h.send(traffic{flows: 100, rate: 100})
	h.sendLoad(t, heldOpen(), load{record: firstPacket(t, h, false), step: time.Microsecond, recordsPerUID: 1})
	m, most := h.running()[0], 0.
	eventually(t, time.Minute, "the flows are open", func() bool {
		most = max(most, m.metric("serveflow_open_flows"))
		return most >= float64(heldOpen())
	})
	m.sampleMemory()
	r.note("%.0f open at once, %.0f MiB counted for them", most, m.metric("serveflow_open_flow_bytes")/(1<<20))
	h.settle(2 * time.Minute)
	f.check(t, h, heldOpen())
	r.check(t, h.finish(), limits{memory: 1 << 30, exceptions: true})
}

// patientBundle is a copy of bundles/service whose answers wait as long as the idle time.
func patientBundle(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "patient")
	err := os.CopyFS(dir, os.DirFS(repository+"/bundles/service"))
	if err == nil {
		err = editManifest(func(m fields) {
			for i := range m["stages"].([]any) {
				delete(stageIn(m, i), "patience")
			}
		})(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// endlessFlow opens a flow that never times out, because record time hardly moves, and writes
// other records that open no flow.
func endlessFlow(t *testing.T, r *row, broker string) {
	t.Parallel()
	f := &injectedFlows{}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 1, injected: f.count})
	h.start(1, fmt.Sprintf("SERVEFLOW_MAX_PIN_RECORDS=%d", maxInFlight()))
	h.awaitReady()
	first, m := firstPacket(t, h, false), h.running()[0]
	h.sendLoad(t, 1, load{record: first, recordsPerUID: 1})
	eventually(t, 10*time.Second, "the flow is open", func() bool { return m.metric("serveflow_open_flows") == 1 })
	first.N = 99 // deeper than any stage reads
	began := time.Now()
	h.sendLoad(t, endlessRecords(), load{record: first, step: time.Microsecond, recordsPerUID: endlessRecords()})
	eventually(t, time.Minute, "the flow is decided", func() bool { return f.labels.Load() == 1 })
	r.note("decided after %.1f s, pinning at most %d records", time.Since(began).Seconds(), maxInFlight())
	h.send(traffic{flows: 100, rate: 100})
	h.settle(time.Minute)
	if got := m.metric("serveflow_labels_total", `reason="evicted"`); got < 1 {
		t.Errorf("%.0f flows were evicted", got)
	}
	f.check(t, h, 1)
	r.check(t, h.finish(), limits{exceptions: true})
}

// timeStandsStill writes a few records again and again whose time does not move, so that the
// member is at the partition's end.
func timeStandsStill(t *testing.T, r *row, broker string) {
	t.Parallel()
	age := choose(3*time.Second, time.Minute)
	f := &injectedFlows{}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 1, injected: f.count,
		settings: []string{"SERVEFLOW_FLOW_MAX_AGE=" + age.String()}})
	h.start(1)
	h.awaitReady()
	rec := firstPacket(t, h, false)
	h.sendLoad(t, 1, load{record: rec, recordsPerUID: 1})
	rec.N = 99
	took := time.Duration(0)
	for began := time.Now(); f.labels.Load() == 0; took = time.Since(began) {
		if time.Since(began) > age+10*time.Second {
			t.Fatalf("no label after %v of wall time", time.Since(began))
		}
		h.sendLoad(t, 1, load{record: rec, recordsPerUID: 1})
		time.Sleep(50 * time.Millisecond)
	}
	r.note("decided after %.1f s, the setting is %v", took.Seconds(), age)
	h.send(traffic{flows: 100, rate: 100})
	h.settle(time.Minute)
	r.check(t, h.finish(), limits{})
}

// wildTimes mixes records with wrong times into ordinary traffic.
func wildTimes(t *testing.T, r *row, broker string) {
	t.Parallel()
	f := &injectedFlows{}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 3, injected: f.count})
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(1000, 50_000), rate: choose(200., 500)})
	const year = 365 * 24 * time.Hour
	flows := 0
	for h.sending() {
		for _, c := range []struct {
			sensor string
			off    time.Duration
			flows  int
		}{{"", 10 * year, 1}, {"", -10 * year, 1}, {"", 3 * time.Minute, 1}, {"east", 5 * time.Minute, 600}, {"west", -5 * time.Minute, 600}, {"again", -3 * time.Hour, 600}} {
			rec := firstPacket(t, h, false)
			rec.Sensor, rec.TS = []byte(c.sensor), rec.TS+c.off.Microseconds()
			h.sendLoad(t, c.flows, load{record: rec, step: 100 * time.Microsecond, recordsPerUID: 1})
			flows += c.flows
		}
		time.Sleep(time.Second)
	}
	h.settle(time.Minute)
	res := h.finish()
	if got := f.labels.Load(); got != int64(flows) {
		t.Errorf("%d labels of %d flows with wild times", got, flows)
	}
	r.note("%d flows with wild times", flows)
	r.check(t, res, limits{})
}

// realFlood sends a recorded flood. Its file is not a part of the repository.
func realFlood(t *testing.T, r *row, broker string) {
	const name = "zeek/flood.flowpkt.log.zst"
	lines := sharedRecords(t, name)
	setting, bytes := floodCap()
	seen := map[string]int{} // guarded by the verifier's lock until finish
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, injected: func(uid string) bool {
		if strings.HasPrefix(uid, "Cfault") {
			return false
		}
		seen[uid]++
		return true
	}})
	h.start(1, setting)
	h.awaitReady()
	h.send(ordinary())
	flows := h.sendLines(t, lines, "flood")
	h.settle(2 * time.Minute)
	res := h.finish()
	for uid := range flows {
		if seen[uid] == 0 {
			res.lost++
		}
	}
	r.note("%d flows of the flood, %d of them labelled", len(flows), len(seen))
	r.check(t, res, limits{memory: bytes, exceptions: true})
}

// produce writes records to a partition and waits for the acknowledgement.
func (h *harness) produce(t *testing.T, partition int, records []kafka.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	resp, err := h.client.Produce(ctx, &kafka.ProduceRequest{Topic: h.name, Partition: partition,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...), Compression: kafka.Lz4})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		t.Fatal(err)
	}
}

package faults

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What comes in floods, or stays for ever.
func TestFaultsFlood(t *testing.T) {
	group(t)
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
func pinRecords() int     { return choose(50_000, 1_000_000) }

// floodCap is the memory that a member may have, in the setting's words and in bytes.
func floodCap() (string, int64) {
	mib := choose(512, 1024)
	return fmt.Sprintf("SERVEFLOW_MAX_MEMORY=%dMiB", mib), int64(mib) << 20
}

func ordinary() traffic { return traffic{flows: choose(300, 5000), rate: choose(100., 200)} }

// foreign are uids that a row sends by itself, and how many labels they got.
type foreign struct{ labels atomic.Int64 }

func (f *foreign) is(uid string) bool {
	if !strings.HasPrefix(uid, "X") {
		return false
	}
	f.labels.Add(1)
	return true
}

// holds waits until every foreign flow has a label, and checks the member's books:
// flows opened = labels + unlabelled + open.
func (f *foreign) holds(t *testing.T, s *scene, flows int) {
	t.Helper()
	m := s.running()[0]
	if got := f.labels.Load(); got < int64(flows) {
		t.Errorf("%d of %d foreign flows have a label", got, flows)
	}
	opened := m.metric("serveflow_records_total", `outcome="opened"`)
	closed := m.metric("serveflow_labels_total", `final="true"`) + m.metric("serveflow_flows_unlabelled_total")
	if open := m.metric("serveflow_open_flows"); opened != closed+open {
		t.Errorf("%.0f flows opened, %.0f labelled or counted, %.0f open", opened, closed, open)
	}
}

// floodOfUIDs writes flows of one packet each, beside ordinary traffic: half of them
// that packet decides, the others wait for more until memory is short.
func floodOfUIDs(t *testing.T, r *row, broker string) {
	setting, bytes := floodCap()
	f := &foreign{}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, foreign: f.is})
	s.start(1, setting)
	s.await()
	s.send(ordinary())
	began := time.Now()
	for part := range 10 {
		rec := firstPacket(t, s, part%2 == 0)
		s.pour(t, floodUIDs()/10, pouring{record: rec, step: 6 * time.Microsecond, every: 1}) // 10 million a minute
	}
	r.saw("written in %.1f s", time.Since(began).Seconds())
	s.settle(5 * time.Minute)
	r.saw("labelled in %.1f s", time.Since(began).Seconds())
	m := s.running()[0]
	r.saw("%.0f evicted, %.0f uids forgotten early, %.0f headless", m.metric("serveflow_labels_total", `reason="evicted"`),
		m.metric("serveflow_finished_uids_forgotten_total"), m.metric("serveflow_flows_headless_total"))
	f.holds(t, s, floodUIDs())
	r.hold(t, s.finish(), limits{memory: bytes, exceptions: true})
}

// manyOpen holds flows open that wait for their second packet.
func manyOpen(t *testing.T, r *row, broker string) {
	f := &foreign{}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, foreign: f.is,
		settings: []string{"SERVEFLOW_FLOW_IDLE=6s"}})
	s.start(1) // with the default cap, 1 GiB
	s.await()
	s.send(traffic{flows: 100, rate: 100})
	s.pour(t, heldOpen(), pouring{record: firstPacket(t, s, false), step: time.Microsecond, every: 1})
	m, most := s.running()[0], 0.
	eventually(t, time.Minute, "the flows are open", func() bool {
		most = max(most, m.metric("serveflow_open_flows"))
		return most >= float64(heldOpen())
	})
	m.observe()
	r.saw("%.0f open at once, %.0f MiB counted for them", most, m.metric("serveflow_open_flow_bytes")/(1<<20))
	s.settle(2 * time.Minute)
	f.holds(t, s, heldOpen())
	r.hold(t, s.finish(), limits{memory: 1 << 30, exceptions: true})
}

// endlessFlow opens a flow that waits for ever, since record time hardly moves, and
// writes records beside it that open none.
func endlessFlow(t *testing.T, r *row, broker string) {
	t.Parallel()
	f := &foreign{}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 1, foreign: f.is})
	s.start(1, fmt.Sprintf("SERVEFLOW_MAX_PIN_RECORDS=%d", pinRecords()))
	s.await()
	first, m := firstPacket(t, s, false), s.running()[0]
	s.pour(t, 1, pouring{record: first, every: 1})
	eventually(t, 10*time.Second, "the flow is open", func() bool { return m.metric("serveflow_open_flows") == 1 })
	first.N = 99 // beyond any depth
	began := time.Now()
	s.pour(t, endlessRecords(), pouring{record: first, step: time.Microsecond, every: endlessRecords()})
	eventually(t, time.Minute, "the flow is decided", func() bool { return f.labels.Load() == 1 })
	r.saw("decided after %.1f s, pinning at most %d records", time.Since(began).Seconds(), pinRecords())
	s.send(traffic{flows: 100, rate: 100})
	s.settle(time.Minute)
	if got := m.metric("serveflow_labels_total", `reason="evicted"`); got < 1 {
		t.Errorf("%.0f flows were evicted", got)
	}
	f.holds(t, s, 1)
	r.hold(t, s.finish(), limits{exceptions: true})
}

// timeStandsStill keeps a partition at its end with a trickle whose time does not move.
func timeStandsStill(t *testing.T, r *row, broker string) {
	t.Parallel()
	age := choose(3*time.Second, time.Minute)
	f := &foreign{}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 1, foreign: f.is,
		settings: []string{"SERVEFLOW_FLOW_MAX_AGE=" + age.String()}})
	s.start(1)
	s.await()
	rec := firstPacket(t, s, false)
	s.pour(t, 1, pouring{record: rec, every: 1})
	rec.N = 99
	took := time.Duration(0)
	for began := time.Now(); f.labels.Load() == 0; took = time.Since(began) {
		if time.Since(began) > age+10*time.Second {
			t.Fatalf("no label after %v of wall time", time.Since(began))
		}
		s.pour(t, 1, pouring{record: rec, every: 1})
		time.Sleep(50 * time.Millisecond)
	}
	r.saw("decided after %.1f s, the setting is %v", took.Seconds(), age)
	s.send(traffic{flows: 100, rate: 100})
	s.settle(time.Minute)
	r.hold(t, s.finish(), limits{})
}

// wildTimes mixes what lies about time into ordinary traffic.
func wildTimes(t *testing.T, r *row, broker string) {
	t.Parallel()
	f := &foreign{}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 3, foreign: f.is})
	s.start(2)
	s.await()
	s.send(traffic{flows: choose(1000, 50_000), rate: choose(200., 500)})
	const year = 365 * 24 * time.Hour
	flows := 0
	for s.sending() {
		for _, c := range []struct {
			sensor string
			off    time.Duration
			flows  int
		}{{"", 10 * year, 1}, {"", -10 * year, 1}, {"", 3 * time.Minute, 1}, {"east", 5 * time.Minute, 600}, {"west", -5 * time.Minute, 600}, {"again", -3 * time.Hour, 600}} {
			rec := firstPacket(t, s, false)
			rec.Sensor, rec.TS = []byte(c.sensor), rec.TS+c.off.Microseconds()
			s.pour(t, c.flows, pouring{record: rec, step: 100 * time.Microsecond, every: 1})
			flows += c.flows
		}
		time.Sleep(time.Second)
	}
	s.settle(time.Minute)
	y := s.finish()
	if got := f.labels.Load(); got != int64(flows) {
		t.Errorf("%d labels of %d flows with wild times", got, flows)
	}
	r.saw("%d flows with wild times", flows)
	r.hold(t, y, limits{})
}

// realFlood replays a recorded flood, which the project's machines have.
func realFlood(t *testing.T, r *row, broker string) {
	const path = "../shared/data/zeek/flood.flowpkt.log.zst"
	lines := sharedLines(t, path)
	setting, bytes := floodCap()
	seen := map[string]int{} // under the verifier's lock until it is finished
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, foreign: func(uid string) bool {
		if strings.HasPrefix(uid, "Cfault") {
			return false
		}
		seen[uid]++
		return true
	}})
	s.start(1, setting)
	s.await()
	s.send(ordinary())
	flows := s.pourLines(t, lines, "flood")
	s.settle(2 * time.Minute)
	y := s.finish()
	for uid := range flows {
		if seen[uid] == 0 {
			y.lost++
		}
	}
	r.saw("%d flows of the flood, %d of them labelled", len(flows), len(seen))
	r.hold(t, y, limits{memory: bytes, exceptions: true})
}

// produceAll writes batches of messages straight to a partition.
func (c *scene) produceAll(t *testing.T, partition int, records []kafka.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	resp, err := c.client.Produce(ctx, &kafka.ProduceRequest{Topic: c.name, Partition: partition,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...), Compression: kafka.Lz4})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		t.Fatal(err)
	}
}

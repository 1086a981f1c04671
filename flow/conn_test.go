package flow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// conn is a record of conn.log. at is its time and lasted its duration, in seconds.
func conn(uid string, at, lasted float64) *zeek.Record {
	return &zeek.Record{Kind: zeek.Conn, TS: 1_700_000_000*second + int64(at*1e6), UID: []byte(uid), Proto: zeek.UDP,
		Orig: netip.MustParseAddrPort("10.0.0.1:1000"), Resp: netip.MustParseAddrPort("10.0.0.2:53"),
		Conn: &zeek.ConnFields{Duration: int64(lasted * 1e6), OrigPkts: 1, RespPkts: 2, OrigBytes: zeek.Absent, RespBytes: zeek.Absent,
			Service: []byte("dns"), State: []byte("SF"), History: []byte("Dd")}}
}

func connConfig() Config {
	cfg := testConfig()
	cfg.Rules.Depth, cfg.Want, cfg.Conns = 1, 1, true
	return cfg
}

// Records of conn.log come minutes after their own time. None must wait for that, and
// none must decide another flow.
func TestConnRecordsAreDecidedAtOnce(t *testing.T) {
	table := New(connConfig())
	for _, rec := range []*zeek.Record{conn("a", 0, 1), conn("b", -7200, 7000), conn("c", 300, 0), conn("d", -1e9, 0), conn("e", 1e9, 1e9)} {
		want := string(rec.UID) + "  flow_end"
		if got := run(table, rec); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if open, held, remembered := table.Size(); open != 0 || held != 0 || remembered != 5 {
		t.Errorf("%d flows open, %d bytes held, %d uids remembered", open, held, remembered)
	}
}

func TestConnOutcomes(t *testing.T) {
	other, bare := &zeek.Record{Kind: zeek.Other}, conn("b", 0, 0)
	bare.Conn = &zeek.ConnFields{Duration: zeek.Absent}
	for _, c := range []struct {
		conns   bool
		records []*zeek.Record
		want    string
	}{
		{true, []*zeek.Record{conn("a", 0, 1), conn("a", 0, 1), bare, bare}, "opened late opened late"},
		{true, []*zeek.Record{pkt("a", 1, 0, syn), end("a", 1, true), other, conn("a", 0, 1)}, "foreign foreign foreign opened"},
		{false, []*zeek.Record{conn("a", 0, 1), pkt("a", 1, 0, syn), conn("a", 0, 1), end("a", 1, false)}, "foreign opened foreign end"},
	} {
		cfg := connConfig()
		cfg.Conns, cfg.Rules.Depth = c.conns, 2
		table := New(cfg)
		var got []string
		for _, rec := range c.records {
			f, outcome := table.Add(rec)
			got = append(got, Outcomes[outcome])
			if f != nil && f.Ready() && f.Conn() != nil {
				table.Finish(f)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("conns %v: %q, want %q", c.conns, got, c.want)
		}
	}
}

// A second record of a flow that the caller has not finished must be refused.
func TestConnOfAnOpenFlow(t *testing.T) {
	table := New(connConfig())
	table.Add(conn("a", 0, 1))
	if f, got := table.Add(conn("a", 0, 1)); f != nil || got != Duplicate {
		t.Errorf("%s, want duplicate", Outcomes[got])
	}
	if f := table.Drain(); f == nil || f.UID != "a" || f.Cause() != Ended {
		t.Error("the flow is gone, or no longer closed by its end")
	}
}

// WarmUp must take only the records that make flows. The uids of others may be those of
// flows that are still to come.
func TestWarmUpConn(t *testing.T) {
	table := New(connConfig())
	table.WarmUp(pkt("a", 1, 0, syn))
	table.WarmUp(conn("b", 0, 1))
	if got := run(table, conn("a", 0, 1), conn("b", 0, 1)); got != "a  flow_end" {
		t.Errorf("got %q", got)
	}
	table = New(testConfig())
	table.WarmUp(conn("a", 0, 1))
	if got := run(table, pkt("a", 1, 0, rst)); got != "a x flow_end" {
		t.Errorf("got %q", got)
	}
}

// A flow must own its fields: the memory of the record is used again, and so is that
// of finished flows.
func TestConnFieldsAreTheFlowsOwn(t *testing.T) {
	table := New(connConfig())
	for i := range 3 {
		rec := conn("a"+fmt.Sprint(i), 0, 2.5)
		rec.Conn.Service = bytes.Repeat([]byte("x"), i)
		f, _ := table.Add(rec)
		for _, text := range [][]byte{rec.Conn.Service, rec.Conn.State, rec.Conn.History} {
			for i := range text {
				text[i] = '!'
			}
		}
		if f.Orig != rec.Orig || f.Resp != rec.Resp || f.Proto != rec.Proto {
			t.Errorf("%s to %s, protocol %d", f.Orig, f.Resp, f.Proto)
		}
		c := f.Conn()
		if got := fmt.Sprintf("%s %s %s %d", c.Service, c.State, c.History, c.RespPkts); got != strings.Repeat("x", i)+" SF Dd 2" {
			t.Errorf("got %q", got)
		}
		if f.First() != rec.TS || f.Last() != rec.TS+2_500_000 || len(f.Packets(9)) != 0 || f.Reach() != 0 {
			t.Errorf("from %d to %d, %d packets", f.First(), f.Last(), len(f.Packets(9)))
		}
		table.Finish(f)
	}
	if f, _ := New(testConfig()).Add(pkt("b", 1, 0, syn)); f.Conn() != nil {
		t.Error("a flow of packets has a record of conn.log")
	}
}

func TestConnWithoutEnd(t *testing.T) {
	rec := conn("a", 0, 0)
	rec.Conn.Duration = zeek.Absent
	f, _ := New(connConfig()).Add(rec)
	if f.Last() != rec.TS {
		t.Errorf("no duration: ends %d after its start", f.Last()-rec.TS)
	}
	rec.Conn.Duration = math.MaxInt64
	if f, _ = New(connConfig()).Add(rec); f.Last() != math.MaxInt64 {
		t.Errorf("the longest duration there is ends at %d", f.Last())
	}
}

// Every uid must be decided once, in any order and on any number of partitions.
func TestConnsDoNotDependOnArrival(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	var all []arrival
	for i := range 3000 {
		rec := conn(fmt.Sprintf("C%04d", i/3*2), rng.Float64()*3600, rng.ExpFloat64()*300) // each uid three times
		all = append(all, arrival{0, rec})
	}
	connections := func(partitions int) map[string]string {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		cfg := connConfig()
		cfg.Remember = 24 * time.Hour
		return decisionsOf(t, cfg, all, partitions)
	}
	want := connections(1)
	if len(want) != 1000 {
		t.Fatalf("%d flows", len(want))
	}
	for _, partitions := range []int{1, 3, 12} {
		same(t, 0, want, connections(partitions))
	}
}

// The clock must follow the ends of the connections. Their starts lie hours apart: with
// them, uids would be forgotten at once or never.
func TestConnUidsAreForgottenInTime(t *testing.T) {
	table, rng := New(connConfig()), rand.New(rand.NewSource(2))
	run(table, conn("a", -1800, 1800), conn("b", -20, 20))
	for at := range 90 {
		lasted := rng.Float64() * 7200
		run(table, conn(fmt.Sprint("x", at), float64(at)-lasted, lasted))
		if at == 50 {
			if _, got := table.Add(conn("a", -1800, 1800)); got != Late { // a is remembered for longer
				t.Errorf("a ended 50 s ago: %s", Outcomes[got])
			}
		}
	}
	if _, got := table.Add(conn("a", -1800, 1800)); got != Late {
		t.Errorf("a was seen 40 s ago: %s", Outcomes[got])
	}
	if _, got := table.Add(conn("b", -20, 20)); got != Opened {
		t.Errorf("b was seen 90 s ago, remembered for 60: %s", Outcomes[got])
	}
}

func TestConnMemoryIsBounded(t *testing.T) {
	cfg := connConfig()
	cfg.Limits.Finished = 5
	table := New(cfg)
	for i := range 100 {
		run(table, conn(fmt.Sprint(i), float64(i), 0))
		if _, _, remembered := table.Size(); remembered > 6 {
			t.Fatalf("%d uids remembered, cap 5", remembered)
		}
	}
}

// A record must cost no more allocations than any new flow: its uid, and the map's copy.
func TestConnAllocations(t *testing.T) {
	cfg := connConfig()
	cfg.Limits.Finished = 100
	table, rec, i := New(cfg), conn("C0123456789012345", 0, 1), uint64(0)
	add := func() {
		i++
		binary.LittleEndian.PutUint64(rec.UID, i)
		f, _ := table.Add(rec)
		table.Finish(f)
	}
	for range 5000 {
		add()
	}
	if n := testing.AllocsPerRun(1000, add); n > 2 {
		t.Errorf("%v allocations a record", n)
	}
	if n := testing.AllocsPerRun(100, func() { table.Add(rec) }); n != 0 {
		t.Errorf("%v allocations for a duplicate", n)
	}
}

// The packets of both sides must be added up, without overflow, and missed bytes must
// show as a gap.
func TestCounted(t *testing.T) {
	for _, tt := range []struct {
		orig, resp, missed int64
		packets            int
		gap                bool
	}{
		{3, 4, 0, 7, false},
		{3, zeek.Absent, zeek.Absent, 3, false},
		{zeek.Absent, 4, 1, 4, true},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, 1 << 54, true},
	} {
		f := &Flow{}
		f.PutConn(&zeek.Record{Conn: &zeek.ConnFields{OrigPkts: tt.orig, RespPkts: tt.resp, MissedBytes: tt.missed}})
		if packets, gap := f.Counted(); packets != tt.packets || gap != tt.gap {
			t.Errorf("%+v: %d packets, gap %v", tt, packets, gap)
		}
	}
}

package flow

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

const second = int64(time.Second / time.Microsecond)

// testConfig waits for all of 4 packets, so that every rule has an effect.
func testConfig() Config {
	return Config{
		Rules:    Rules{Depth: 4, Idle: 2 * time.Second, MaxAge: 10 * time.Second, Lateness: time.Second},
		Limits:   Limits{Flows: 100, Bytes: 1 << 20, Finished: 100},
		Remember: time.Minute, Want: 4,
	}
}

// pkt is a TCP packet record; at is seconds on a clock that starts in 2024.
func pkt(uid string, n uint32, at float64, flags int16) *zeek.Record {
	return &zeek.Record{Kind: zeek.Packet, TS: 1_700_000_000*second + int64(at*1e6), UID: []byte(uid), N: n,
		FromOrig: n%2 == 1, Proto: zeek.TCP, Flags: flags, IPLen: 40, PayloadLen: 0, TTL: 64, Window: 100,
		Orig: netip.MustParseAddrPort("10.0.0.1:1000"), Resp: netip.MustParseAddrPort("10.0.0.2:80")}
}

func end(uid string, sent uint32, closed bool) *zeek.Record {
	return &zeek.Record{Kind: zeek.End, TS: 1_700_000_000 * second, UID: []byte(uid), Proto: zeek.TCP, Sent: sent, Closed: closed}
}

// run feeds records to a table and returns the decisions: uid, packets looked at (x has
// come, . is missing), cause.
func run(t *Table, records ...*zeek.Record) string {
	var out []string
	decide := func(f *Flow) {
		out = append(out, f.UID+" "+places(f)+" "+f.Cause().String())
		t.Finish(f)
	}
	for _, rec := range records {
		if f, _ := t.Add(rec); f != nil && f.Ready() {
			decide(f)
		}
		for f := t.Due(); f != nil; f = t.Due() {
			decide(f)
		}
	}
	return strings.Join(out, "; ")
}

// places draws the packets that a decision looks at.
func places(f *Flow) string {
	var b strings.Builder
	for _, p := range f.Packets(64) {
		b.WriteByte(".x"[map[bool]int{true: 1}[p.Present]])
	}
	return b.String()
}

const (
	fin = 1
	syn = 2
	rst = 4
	ack = 16
)

func TestDecisions(t *testing.T) {
	clock := func(at float64) *zeek.Record { return pkt("clock", 1, at, ack) } // moves time, and stays open
	cases := []struct {
		name    string
		records []*zeek.Record
		want    string
	}{
		{"depth", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, 1, ack), pkt("a", 3, 1, ack), pkt("a", 4, 1, ack)}, "a xxxx reached"},
		{"out of order", []*zeek.Record{pkt("a", 3, .2, ack), pkt("a", 4, .3, ack), pkt("a", 1, 0, syn), pkt("a", 2, .1, ack)}, "a xxxx reached"},
		{"duplicates count once", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 1, 0, syn), pkt("a", 2, .1, ack), pkt("a", 2, .1, ack), clock(9)}, "a xx timeout"},
		{"not before idle and lateness are over", []*zeek.Record{pkt("a", 1, 0, syn), clock(3)}, ""},
		{"idle", []*zeek.Record{pkt("a", 1, 0, syn), clock(3.000001)}, "a x timeout"},
		{"exactly the lateness late", []*zeek.Record{pkt("a", 1, 0, syn), clock(3), pkt("a", 2, 2, rst)}, "a xx flow_end"},
		{"later than the lateness", []*zeek.Record{pkt("a", 1, 0, syn), clock(3.000001), pkt("a", 2, 2, rst)}, "a x timeout"},
		{"age", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, 2, ack), pkt("a", 3, 4, ack), pkt("b", 1, 11, ack)}, "a xxx timeout"},
		{"a packet after idle finds the flow decided", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, 2.1, ack)}, "a x timeout"},
		{"a packet just in time counts", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, 2, ack), pkt("a", 3, 4.1, ack)}, "a xx timeout"},
		{"reset", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, .1, rst|ack)}, "a xx flow_end"},
		{"one FIN is not the end", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, .1, fin|ack), clock(9)}, "a xx timeout"},
		{"both FINs", []*zeek.Record{pkt("a", 1, 0, fin|ack), pkt("a", 2, .1, fin|ack)}, "a xx flow_end"},
		{"hole: those within the horizon count", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 3, 1, ack), pkt("a", 4, 2.5, ack), clock(9)}, "a x.x timeout"},
		{"first packet never came", []*zeek.Record{pkt("a", 2, 0, ack), pkt("a", 3, 1, ack), clock(9)}, "a .xx timeout"},
		{"end record, complete, torn down", []*zeek.Record{pkt("a", 1, 0, syn), pkt("a", 2, .1, ack), end("a", 2, true)}, "a xx timeout"},
		{"end record, complete, forgotten in silence", []*zeek.Record{pkt("a", 1, 0, syn), end("a", 1, false)}, "a x timeout"},
		{"end record before a late packet", []*zeek.Record{pkt("a", 1, 0, syn), end("a", 2, true), pkt("a", 2, .1, ack)}, "a xx timeout"},
		{"end record, a packet lost", []*zeek.Record{pkt("a", 1, 0, syn), end("a", 2, true), clock(9)}, "a x timeout"},
		{"end record that does not say how many", []*zeek.Record{pkt("a", 1, 0, syn), end("a", 0, true)}, "a x timeout"},
		{"end record alone opens nothing", []*zeek.Record{end("a", 1, true), clock(9)}, ""},
		{"late packets open nothing", []*zeek.Record{pkt("a", 1, 0, rst), pkt("a", 2, .1, ack), end("a", 2, true), clock(9)}, "a x flow_end"},
		{"beyond the depth opens nothing", []*zeek.Record{pkt("a", 5, 0, ack), clock(9)}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := run(New(testConfig()), c.records...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Zeek writes the end record 5 s after a connection was closed. If the idle time is over
// by then, the flow must be a timeout, whether or not the clock has fired before. A
// longer idle time waits for Zeek's record.
func TestEndRecordCountsIfIdleIsLonger(t *testing.T) {
	for idle, want := range map[time.Duration]string{2 * time.Second: "timeout", closeDelay: "flow_end"} {
		for name, records := range map[string][]*zeek.Record{
			"a xx ": {pkt("a", 1, 0, syn), pkt("a", 2, .1, ack), end("a", 2, true)},
			"b xx ": {pkt("b", 1, 0, syn), end("b", 2, true), pkt("b", 2, .1, ack)},
			"c x ":  {pkt("c", 1, 0, syn), end("c", 0, true)},
		} {
			cfg := testConfig()
			cfg.Rules.Idle = idle
			if got := run(New(cfg), records...); got != name+want {
				t.Errorf("idle %v: got %q, want %q", idle, got, name+want)
			}
		}
	}
}

func TestEveryRecordHasAnOutcome(t *testing.T) {
	table := New(testConfig())
	for _, c := range []struct {
		rec  *zeek.Record
		want Outcome
	}{
		{pkt("a", 1, 0, syn), Opened}, {pkt("a", 2, 0, ack), Added}, {pkt("a", 2, 0, ack), Duplicate},
		{pkt("a", 9, 0, ack), Beyond}, {end("a", 4, true), EndRecord}, {end("b", 1, true), EndUnopened},
		{&zeek.Record{Kind: zeek.Other}, Foreign},
	} {
		if _, got := table.Add(c.rec); got != c.want {
			t.Errorf("%s n=%d: %s, want %s", c.rec.UID, c.rec.N, Outcomes[got], Outcomes[c.want])
		}
	}
	table.Finish(table.Drain())
	for _, rec := range []*zeek.Record{pkt("a", 3, 0, ack), end("a", 4, true)} {
		if f, got := table.Add(rec); f != nil || got != Late {
			t.Errorf("finished flow: %s, want late", Outcomes[got])
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Flows, cfg.Limits.Finished = 3, 5
	table := New(cfg)
	var got []string
	for i := range 20 {
		got = append(got, run(table, pkt(fmt.Sprintf("f%02d", i), 1, float64(i)*.01, syn)))
		if open, _, remembered := table.Size(); open > 3 || remembered > 6 {
			t.Fatalf("%d flows open, %d remembered", open, remembered)
		}
	}
	if got[3] != "f00 x evicted" || got[19] != "f16 x evicted" {
		t.Errorf("the oldest goes first: %q", got)
	}
	cfg = testConfig()
	cfg.Limits.Bytes = 1 << 10
	table = New(cfg)
	for i := range 20 {
		run(table, pkt(fmt.Sprint("f", i), 1, 0, syn))
	}
	if _, bytes, _ := table.Size(); bytes > cfg.Limits.Bytes {
		t.Errorf("%d bytes held, cap %d", bytes, cfg.Limits.Bytes)
	}
}

func TestWarmedUpFlowsStayFinished(t *testing.T) {
	table := New(testConfig())
	table.WarmUp(pkt("a", 1, 0, syn))
	if got := run(table, pkt("a", 2, .1, ack), pkt("b", 2, .2, ack), pkt("c", 1, 30, ack)); got != "b .x timeout" {
		t.Errorf("got %q: a was finished below the committed offset, b lost its first packet", got)
	}
}

func TestFinishedAreForgottenInTime(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, rst), pkt("b", 1, 0, rst))
	run(table, pkt("a", 2, 50, ack)) // a is remembered for longer
	for at := 55.; at < 100; at += 5 {
		run(table, pkt(fmt.Sprint("x", at), 1, at, rst))
	}
	if _, got := table.Add(pkt("a", 3, 100, ack)); got != Late {
		t.Errorf("a was seen 50 s ago: %s", Outcomes[got])
	}
	if _, got := table.Add(pkt("b", 3, 100, ack)); got != Opened {
		t.Errorf("b was seen 100 s ago, remembered for 60: %s", Outcomes[got])
	}
}

func TestDecidedFlowCostsNoAllocation(t *testing.T) {
	table := New(testConfig())
	run(table, pkt("a", 1, 0, rst))
	tail := pkt("a", 2, .1, ack)
	if n := testing.AllocsPerRun(100, func() { table.Add(tail) }); n != 0 {
		t.Errorf("%v allocations for a record of a decided flow", n)
	}
}

package cascade

import (
	"net/netip"
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// feedConn puts one record of conn.log through a flow table, and decides it.
func (r *rig) feedConn(c *zeek.ConnFields) {
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 1, Idle: 1, MaxAge: 1}, Conns: true,
		Limits: flow.Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: 1})
	f, _ := table.Add(&zeek.Record{Kind: zeek.Conn, UID: []byte("u"), TS: 1e15, Proto: zeek.TCP, Conn: c,
		Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")})
	f.Acker = r
	if f.Ready() && r.decider.Decide(r.ctx, f) {
		table.Finish(f)
	}
}

// A record of conn.log goes through as many stages as it takes, and waits for nothing.
func TestConnIsDecidedAtTheRecord(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		want   string
	}{
		{"one stage", []Model{says(.3)}, "u b s0 flow_end final"},
		{"sure at once", []Model{says(.9), says(0)}, "u a s0 flow_end final"},
		{"unsure: the last stage answers", []Model{says(.6), says(.4)}, "u b s1 flow_end final"},
		{"the slow model fails", []Model{says(.6), modelFunc(fails)}, "u a s0 degraded final"},
	} {
		for _, queued := range []bool{true, false} {
			s := spec(t, []int{1, 1}, c.models...)
			s.Stages[len(s.Stages)-1].Slow = queued
			r := newRig(s, Config{Provisional: true})
			r.feedConn(&zeek.ConnFields{})
			r.drain()
			if got := r.verdicts(); got != c.want {
				t.Errorf("%s (queued %v): got %q, want %q", c.name, queued, got, c.want)
			}
		}
	}
}

func TestVerdictSaysWhatTheRecordCounts(t *testing.T) {
	for _, c := range []struct {
		fields  zeek.ConnFields
		packets int
		gap     bool
		last    int64
	}{
		{zeek.ConnFields{Duration: 2_500_000, OrigPkts: 6, RespPkts: 4}, 10, false, 1e15 + 2_500_000},
		{zeek.ConnFields{Duration: zeek.Absent, OrigPkts: 1, RespPkts: zeek.Absent, MissedBytes: 7}, 1, true, 1e15},
		{zeek.ConnFields{Duration: zeek.Absent, OrigPkts: 1<<63 - 1, RespPkts: 1<<63 - 1, MissedBytes: zeek.Absent}, 1 << 54, false, 1e15},
	} {
		r := newRig(spec(t, []int{1}, says(.7)), Config{})
		r.feedConn(&c.fields)
		r.drain()
		if v := r.got[0]; v.Packets != c.packets || v.Gap != c.gap || v.First != 1e15 || v.Last != c.last || v.Acker == nil {
			t.Errorf("%+v: %+v", c.fields, v)
		}
	}
}

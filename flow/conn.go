package flow

import (
	"math"
	"unsafe"

	"github.com/serveflow/serveflow/flow/zeek"
)

// record is what a flow of conn.log has instead of packets. A table's flows are
// all of one kind, so that it stays with the flow's storage.
type record struct {
	began  int64 // time of the first packet, microseconds
	fields zeek.ConnFields
	words  []byte // where the fields' texts lie
}

// Conn gives what conn.log says of the connection; nil for a flow of packets.
func (f *Flow) Conn() *zeek.ConnFields {
	if f.conn == nil {
		return nil
	}
	return &f.conn.fields
}

// PutConn makes the flow one of a record of conn.log, whose fields it copies. The
// connection is over, so the flow is closed.
func (f *Flow) PutConn(rec *zeek.Record) {
	if f.conn == nil {
		f.conn = &record{}
	}
	r, c := f.conn, rec.Conn
	r.began, r.fields = rec.TS, *c
	r.words = append(append(append(r.words[:0], c.Service...), c.State...), c.History...)
	service, state := len(c.Service), len(c.Service)+len(c.State)
	r.fields.Service, r.fields.State, r.fields.History = r.words[:service], r.words[service:state], r.words[state:]
	f.close(Ended, 0)
}

// Last is the record time of the last packet of a flow of conn.log, microseconds.
func (f *Flow) Last() int64 { return connEnd(f.conn.began, &f.conn.fields) }

// Counted is how many packets the record of a flow of conn.log counts, both sides
// together, and whether Zeek missed some of what they carried.
func (f *Flow) Counted() (packets int, gap bool) {
	const most = 1 << 53 // a wild record's counts could overflow
	c := &f.conn.fields
	return int(min(max(c.OrigPkts, 0), most) + min(max(c.RespPkts, 0), most)), c.MissedBytes > 0
}

// bytes is what the record holds in memory.
func (r *record) bytes() int {
	if r == nil {
		return 0
	}
	return int(unsafe.Sizeof(*r)) + cap(r.words)
}

// connEnd is when a connection's last packet came: its record's own time is that
// of the first packet, which may be hours ago.
func connEnd(began int64, c *zeek.ConnFields) int64 {
	if end := began + max(c.Duration, 0); end >= began {
		return end
	}
	return math.MaxInt64
}

// connection takes a record of conn.log: a flow that is ready at once, unless its
// uid is remembered.
//
// Records come in the order in which Zeek forgets connections, seconds to minutes
// after their last packet, so that is the time that moves the clock. All that
// depends on the clock here is for how long uids are remembered.
func (t *Table) connection(rec *zeek.Record) (*Flow, Outcome) {
	s := t.observe(rec, connEnd(rec.TS, rec.Conn))
	if _, open := t.open[string(rec.UID)]; open {
		return nil, Duplicate
	}
	if t.done.seen(rec.UID, t.now) {
		return nil, Late
	}
	f := t.openFlow(rec, s)
	f.PutConn(rec)
	t.charge(f)
	s.timers.start(f, &t.cfg.Rules)
	return f, Opened
}

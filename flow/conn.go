package flow

import (
	"math"
	"unsafe"

	"github.com/serveflow/serveflow/flow/zeek"
)

// connRecord is what a flow of conn.log holds instead of packets. All flows of a
// table are of one kind, so a flow that is reused keeps its connRecord.
type connRecord struct {
	first  int64 // time of the first packet, microseconds
	fields zeek.ConnFields
	texts  []byte // the bytes of Service, State and History
}

// Conn returns what conn.log says of the connection; nil for a flow of packets.
func (f *Flow) Conn() *zeek.ConnFields {
	if f.conn == nil {
		return nil
	}
	return &f.conn.fields
}

// PutConn fills the flow from a record of conn.log, whose fields it copies. The
// connection is over, so the flow is closed.
func (f *Flow) PutConn(rec *zeek.Record) {
	if f.conn == nil {
		f.conn = &connRecord{}
	}
	r, c := f.conn, rec.Conn
	r.first, r.fields = rec.TS, *c
	r.texts = append(append(append(r.texts[:0], c.Service...), c.State...), c.History...)
	service, state := len(c.Service), len(c.Service)+len(c.State)
	r.fields.Service, r.fields.State, r.fields.History = r.texts[:service], r.texts[service:state], r.texts[state:]
	f.close(Ended, 0, f.Last())
}

// Last is the record time of the last packet of a flow of conn.log, in microseconds
// since the Unix epoch.
func (f *Flow) Last() int64 { return connEnd(f.conn.first, &f.conn.fields) }

// Counted returns the number of packets that the record of a flow of conn.log counts,
// both sides together. gap reports whether Zeek missed some of their payload.
func (f *Flow) Counted() (packets int, gap bool) {
	const most = 1 << 53 // the sum of two wrong counts could overflow
	c := &f.conn.fields
	return int(min(max(c.OrigPkts, 0), most) + min(max(c.RespPkts, 0), most)), c.MissedBytes > 0
}

// bytes is the memory that the record holds; r may be nil.
func (r *connRecord) bytes() int {
	if r == nil {
		return 0
	}
	return int(unsafe.Sizeof(*r)) + cap(r.texts)
}

// connEnd is the time of a connection's last packet, in microseconds. The record's
// own time, first, is that of the first packet and may lie hours back.
func connEnd(first int64, c *zeek.ConnFields) int64 {
	if end := first + max(c.Duration, 0); end >= first {
		return end
	}
	return math.MaxInt64
}

// connection takes a record of conn.log. The flow is ready at once, unless its uid is
// remembered.
//
// Zeek writes the record when it forgets the connection, seconds to minutes after the
// last packet, so the time of that packet moves the clock. Nothing but how long uids
// are remembered depends on the clock here.
func (t *Table) connection(rec *zeek.Record) (*Flow, Outcome) {
	s, _ := t.observe(rec, connEnd(rec.TS, rec.Conn))
	if _, open := t.open[string(rec.UID)]; open {
		return nil, Duplicate
	}
	if t.finished.seen(rec.UID, t.now) {
		return nil, Late
	}
	f := t.openFlow(rec, s)
	f.PutConn(rec)
	t.charge(f)
	s.timers.start(f, &t.cfg.Rules)
	return f, Opened
}

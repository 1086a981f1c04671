package flow

import (
	"math"

	"github.com/serveflow/serveflow/consumer/zeek"
)

// Conn gives what conn.log says of the connection; nil for a flow of packets.
func (f *Flow) Conn() *zeek.ConnFields {
	if !f.fromConn {
		return nil
	}
	return &f.conn
}

// PutConn makes the flow one of a record of conn.log, whose fields it copies. The
// connection is over, so the flow is closed.
func (f *Flow) PutConn(rec *zeek.Record) {
	f.fromConn, f.began, f.conn = true, rec.TS, *rec.Conn
	f.words = append(append(append(f.words[:0], rec.Conn.Service...), rec.Conn.State...), rec.Conn.History...)
	service, state := len(rec.Conn.Service), len(rec.Conn.Service)+len(rec.Conn.State)
	f.conn.Service, f.conn.State, f.conn.History = f.words[:service], f.words[service:state], f.words[state:]
	f.close(Ended, 0)
}

// Last is the record time of the last packet of a conn.log record's connection,
// microseconds.
func (f *Flow) Last() int64 { return connEnd(f.began, &f.conn) }

// Counted is how many packets the record of conn.log counts, both sides together,
// and whether Zeek missed some of what they carried.
func (f *Flow) Counted() (packets int, gap bool) {
	const most = 1 << 53 // a wild record's counts could overflow
	packets = int(min(max(f.conn.OrigPkts, 0), most) + min(max(f.conn.RespPkts, 0), most))
	return packets, f.conn.MissedBytes > 0
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
	t.clock.observe(connEnd(rec.TS, rec.Conn))
	if _, open := t.open[string(rec.UID)]; open {
		return nil, Duplicate
	}
	if t.done.seen(rec.UID, t.clock.now) {
		return nil, Late
	}
	f := t.openFlow(rec)
	before := f.bytes()
	f.PutConn(rec)
	t.bytes += f.bytes() - before
	t.timers.start(f, &t.cfg.Rules)
	return f, Opened
}

package flow

import "github.com/serveflow/serveflow/flow/zeek"

// WarmUp remembers the uid of a record whose flow was finished before this table was
// built, so that the records that follow do not open the flow again. A record that
// could not open a flow is left out: the packets of its flow may still come.
func (t *Table) WarmUp(rec *zeek.Record) {
	opens := false
	switch {
	case rec.Kind == zeek.Packet && !t.cfg.Conns:
		t.observe(rec, rec.TS)
		opens = rec.N <= uint32(t.cfg.Rules.Depth)
	case rec.Kind == zeek.Conn && t.cfg.Conns:
		t.observe(rec, connEnd(rec.TS, rec.Conn))
		opens = true
	}
	if !t.finished.seen(rec.UID, t.now) && opens {
		t.finished.add(string(rec.UID), t.now)
	}
}

package flow

import (
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/consumer/zeek"
)

// Limits bound what a table holds.
type Limits struct {
	Flows    int // open flows
	Bytes    int // memory of open flows
	Finished int // finished uids that are remembered
}

// Config is what a table is built with.
type Config struct {
	Rules
	Limits
	// Conns: flows are the records of conn.log, each one decided at once, instead
	// of packet and end records.
	Conns bool
	// Remember is how long a finished uid is remembered after its last record,
	// record time. Zeek itself keeps a silent connection for five minutes.
	Remember time.Duration
	// Want is how many packets a new flow needs for its first decision.
	Want int
}

// Validate names the first setting that makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Depth < 1 || c.Depth > 64:
		return fmt.Errorf("flow: depth is %d: choose 1 to 64 packets", c.Depth)
	case c.Want < 1 || c.Want > c.Depth:
		return fmt.Errorf("flow: the first stage wants %d packets of %d", c.Want, c.Depth)
	case c.Idle <= 0 || c.MaxAge < c.Idle:
		return fmt.Errorf("flow: idle timeout %v must be above 0 and at most the maximum age %v", c.Idle, c.MaxAge)
	case c.Lateness < 0 || c.Remember < 0:
		return errors.New("flow: lateness and remember must not be negative")
	case c.Flows < 1 || c.Bytes < 1<<10 || c.Finished < 1:
		return errors.New("flow: the limits on open flows, bytes and finished uids must be positive, bytes at least 1024")
	}
	return nil
}

// Outcome says what became of one record. Every record has exactly one.
type Outcome uint8

const (
	// Opened: the flow's first record to come.
	Opened Outcome = iota
	// Added to an open flow.
	Added
	// Duplicate of a packet that is there already.
	Duplicate
	// Beyond the depth: no decision looks at it.
	Beyond
	// Late: the flow is finished; of conn.log, the record has come before.
	Late
	// Forgot: the end record of an open flow.
	Forgot
	// Unopened: an end record without any packet record before it.
	Unopened
	// Foreign: a record of another log, or of the kind that makes no flows here.
	Foreign
)

// Outcomes names them, by value, as metrics do.
var Outcomes = [...]string{"opened", "added", "duplicate", "beyond", "late", "end", "end_unopened", "foreign"}

// Table holds the open flows of one partition and remembers the finished ones.
// It is for one goroutine.
//
// The caller's loop: Add each record; decide the flow it returns where that is
// Ready; decide what Due returns until that is nil. A decided flow goes back by
// Finish, one that waits for more packets stays.
type Table struct {
	cfg    Config
	clock  clock
	open   map[string]*Flow
	done   finished
	timers timers
	bytes  int
	spare  []*Flow
}

// New builds an empty table of a valid config.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, open: map[string]*Flow{}, done: newFinished(cfg.Finished, cfg.Remember)}
}

// Add takes one record and gives the open flow that it belongs to, nil where
// there is none.
func (t *Table) Add(rec *zeek.Record) (*Flow, Outcome) {
	switch {
	case rec.Kind == zeek.Packet && !t.cfg.Conns:
		return t.packet(rec)
	case rec.Kind == zeek.End && !t.cfg.Conns:
		return t.end(rec)
	case rec.Kind == zeek.Conn && t.cfg.Conns:
		return t.connection(rec)
	}
	return nil, Foreign
}

func (t *Table) packet(rec *zeek.Record) (*Flow, Outcome) {
	if t.clock.observe(rec.TS) {
		t.timers.leapt(rec.TS, t.clock.shift, &t.cfg.Rules)
	}
	if rec.N > uint32(t.cfg.Depth) {
		return nil, Beyond
	}
	f, known := t.open[string(rec.UID)]
	if !known {
		if t.done.seen(rec.UID, t.clock.now) {
			return nil, Late
		}
		f = t.openFlow(rec)
	}
	before := f.bytes()
	outcome := f.take(rec, &t.cfg.Rules)
	t.bytes += f.bytes() - before
	if !known {
		t.timers.start(f, &t.cfg.Rules)
		return f, Opened
	}
	return f, outcome
}

// take puts a packet record into the flow. Zeek may take the originator for the
// responder from some packet on ("^" in its history): who is who in a flow is what
// its first packet's record says.
func (f *Flow) take(rec *zeek.Record, r *Rules) Outcome {
	turned := rec.Orig == f.Resp && rec.Resp == f.Orig && rec.Orig != rec.Resp
	p := Packet{TS: rec.TS, FromOrig: rec.FromOrig != turned, IPLen: rec.IPLen,
		PayloadLen: rec.PayloadLen, TTL: rec.TTL, Flags: rec.Flags, Window: rec.Window}
	if !f.Put(int(rec.N), p, rec.Hdr) {
		return Duplicate
	}
	if f.lowest() == int(rec.N) {
		if turned {
			f.turn()
		}
		f.Orig, f.Resp, f.Proto = rec.Orig, rec.Resp, rec.Proto
	}
	f.advance(r)
	return Added
}

// turn has the packets that are there sent by the other side.
func (f *Flow) turn() {
	for i := range f.packets {
		p := &f.packets[i]
		p.FromOrig = p.Present && !p.FromOrig
	}
}

func (t *Table) openFlow(rec *zeek.Record) *Flow {
	f := &Flow{}
	if n := len(t.spare); n > 0 {
		f, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	f.UID, f.Sensor = string(rec.UID), string(rec.Sensor)
	f.Orig, f.Resp, f.Proto = rec.Orig, rec.Resp, rec.Proto
	f.Want = t.cfg.Want
	f.timer.offset = t.clock.now - rec.TS
	t.open[f.UID] = f
	t.bytes += f.bytes()
	return f
}

func (t *Table) end(rec *zeek.Record) (*Flow, Outcome) {
	f, ok := t.open[string(rec.UID)]
	if !ok {
		if t.done.seen(rec.UID, t.clock.now) {
			return nil, Late
		}
		return nil, Unopened
	}
	f.state.forgot, f.state.tornDown, f.state.sent = true, rec.Closed, rec.Sent
	f.advance(&t.cfg.Rules)
	return f, Forgot
}

// Due gives the next flow that must be decided with what there is, because its
// time is over or memory is short; nil where there is none.
func (t *Table) Due() *Flow {
	f := t.timers.earliest(&t.cfg.Rules)
	switch {
	case f == nil:
		return nil
	case f.timer.due <= t.clock.now:
		f.expire(&t.cfg.Rules, TimedOut)
	case len(t.open) > t.cfg.Flows || t.bytes > t.cfg.Bytes:
		f.expire(&t.cfg.Rules, Evicted)
	default:
		return nil
	}
	return f
}

// Drain gives an open flow to be decided because no record will follow at all,
// the one that would expire first; nil where there is none.
func (t *Table) Drain() *Flow {
	f := t.timers.earliest(&t.cfg.Rules)
	if f != nil {
		f.expire(&t.cfg.Rules, TimedOut)
	}
	return f
}

// Finish takes a decided flow out of the table and remembers its uid. The flow
// must not be used afterwards.
func (t *Table) Finish(f *Flow) {
	t.timers.stop(f)
	delete(t.open, f.UID)
	t.bytes -= f.bytes()
	t.done.add(f.UID, t.clock.now)
	f.reset()
	if len(t.spare) < maxSpare {
		t.spare = append(t.spare, f)
	}
}

// maxSpare bounds the emptied flows that are kept for reuse.
const maxSpare = 1024

// Has tells whether a flow is open.
func (t *Table) Has(uid []byte) bool {
	_, open := t.open[string(uid)]
	return open
}

// Relearn remembers the uid of a record whose flow was finished before this table
// was built. A record that opens nothing says nothing: the packets of its flow may
// still come.
func (t *Table) Relearn(rec *zeek.Record) {
	opens := false
	switch {
	case rec.Kind == zeek.Packet && !t.cfg.Conns:
		t.clock.observe(rec.TS)
		opens = rec.N <= uint32(t.cfg.Depth)
	case rec.Kind == zeek.Conn && t.cfg.Conns:
		t.clock.observe(connEnd(rec.TS, rec.Conn))
		opens = true
	}
	if !t.done.seen(rec.UID, t.clock.now) && opens {
		t.done.add(string(rec.UID), t.clock.now)
	}
}

// Idle moves the table's clock by wall time: since is how long no record has come.
func (t *Table) Idle(since time.Duration) { t.clock.idle(since) }

// Size gives the open flows, the bytes that they hold, and the uids remembered.
func (t *Table) Size() (flows, bytes, remembered int) {
	return len(t.open), t.bytes, len(t.done.place)
}

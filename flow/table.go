package flow

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Limits bound what a table holds.
type Limits struct {
	Flows    int // open flows
	Bytes    int // memory of open flows
	Finished int // finished uids that are remembered
	// Records is how many records may come while a flow is open, so that the oldest
	// one does not hold the watermark for ever; 0 is any number.
	Records int64
}

// Config is what a table is built with.
type Config struct {
	Rules  Rules
	Limits Limits
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
	case c.Rules.Depth < 1 || c.Rules.Depth > 64:
		return fmt.Errorf("flow: depth is %d: choose 1 to 64 packets", c.Rules.Depth)
	case c.Want < 1 || c.Want > c.Rules.Depth:
		return fmt.Errorf("flow: the first stage wants %d packets of %d", c.Want, c.Rules.Depth)
	case c.Rules.Idle <= 0 || c.Rules.MaxAge < c.Rules.Idle:
		return fmt.Errorf("flow: idle timeout %v must be above 0 and at most the maximum age %v", c.Rules.Idle, c.Rules.MaxAge)
	case c.Rules.Lateness < 0 || c.Remember < 0:
		return errors.New("flow: lateness and remember must not be negative")
	case c.Limits.Records < 0:
		return errors.New("flow: the records that may come while a flow is open must not be negative")
	case c.Limits.Flows < 1 || c.Limits.Bytes < 1<<10 || c.Limits.Finished < 1:
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
// Finish, one that waits for more packets by Keep.
type Table struct {
	cfg      Config
	sensors  sensors
	now      int64     // that of the sensors' clocks which has come furthest
	stirred  []*sensor // those whose flows Due has yet to look at
	open     map[string]*Flow
	ages     ages
	done     finished
	bytes    int
	taken    int64         // records
	waited   time.Duration // wall time at the end of the records
	headless int
	spare    []*Flow
}

// New builds an empty table of a valid config.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, sensors: newSensors(), open: map[string]*Flow{}, done: newFinished(cfg.Limits.Finished, cfg.Remember)}
}

// Add takes one record and gives the open flow that it belongs to, nil where
// there is none.
func (t *Table) Add(rec *zeek.Record) (*Flow, Outcome) {
	t.taken++
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

// Skip counts a record that could not be read: open flows wait no longer for it
// than for another.
func (t *Table) Skip() { t.taken++ }

// observe moves the clock of a record's sensor.
func (t *Table) observe(rec *zeek.Record, ts int64) *sensor {
	s := t.sensors.of(rec.Sensor)
	if !s.clock.seeded {
		s.clock.seed(cmp.Or(t.now, ts), ts)
	}
	if s.clock.observe(ts) {
		s.timers.leapt(ts, s.clock.shift, &t.cfg.Rules)
	}
	t.now = max(t.now, s.clock.now)
	t.stirred = append(t.stirred[:0], s)
	return s
}

func (t *Table) packet(rec *zeek.Record) (*Flow, Outcome) {
	s := t.observe(rec, rec.TS)
	if rec.N > uint32(t.cfg.Rules.Depth) {
		return nil, Beyond
	}
	f, known := t.open[string(rec.UID)]
	if !known {
		if t.done.seen(rec.UID, t.now) {
			return nil, Late
		}
		f = t.openFlow(rec, s)
	}
	outcome := f.take(rec, &t.cfg.Rules)
	t.charge(f)
	if !known {
		s.timers.start(f, &t.cfg.Rules)
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

// empty gives a flow to fill, one that was decided where there is one.
func (t *Table) empty() *Flow {
	n := len(t.spare)
	if n == 0 {
		return &Flow{}
	}
	f := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return f
}

func (t *Table) openFlow(rec *zeek.Record, s *sensor) *Flow {
	f := t.empty()
	if f.UID, f.Sensor = string(rec.UID), s.name; s.name != string(rec.Sensor) {
		f.Sensor = string(rec.Sensor)
	}
	f.Orig, f.Resp, f.Proto = rec.Orig, rec.Resp, rec.Proto
	f.Cursor.Want = t.cfg.Want
	f.sensor, f.timer.opened, f.timer.offset = s, rec.TS, s.clock.now-rec.TS
	f.age = age{record: t.taken, waited: t.waited}
	t.open[f.UID] = f
	t.ages.add(f)
	return f
}

func (t *Table) end(rec *zeek.Record) (*Flow, Outcome) {
	f, ok := t.open[string(rec.UID)]
	if !ok {
		if t.done.seen(rec.UID, t.now) {
			return nil, Late
		}
		return nil, Unopened
	}
	f.state.forgot, f.state.tornDown, f.state.sent = true, rec.Closed, rec.Sent
	f.advance(&t.cfg.Rules)
	return f, Forgot
}

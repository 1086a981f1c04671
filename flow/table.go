package flow

import (
	"math"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Table holds the open flows of one partition and remembers the finished ones. Only
// one goroutine may use it.
//
// The caller's loop: Add each record, and decide the flow that it returns if that is
// Ready. Then decide what Due returns, until it returns nil. A flow that is decided
// goes back by Finish, one that waits for more packets by Keep.
type Table struct {
	cfg          Config
	sensors      sensors
	now          int64     // the latest time of all the sensors' clocks
	begun        bool      // a record has set it; it may be 0 then
	dirty        []*sensor // Due has yet to look at the flows of these
	open         map[string]*Flow
	byAge        ageQueue
	finished     finished
	bytes        int           // memory of the open flows, as charged
	records      int64         // records that came
	shadowed     int           // open flows that every task is done with
	waited       time.Duration // wall time for which there was no record to read
	withoutFirst int
	lateness     Lateness
	free         []*Flow
}

// New builds an empty table from a valid config.
func New(cfg Config) *Table {
	return &Table{cfg: cfg, sensors: newSensors(), open: map[string]*Flow{}, finished: newFinished(cfg.Limits.Finished, cfg.Remember)}
}

// Add takes one record. It returns the open flow that the record belongs to, nil if
// there is none, and what became of the record.
func (t *Table) Add(rec *zeek.Record) (*Flow, Outcome) {
	t.records++
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

// Skip counts a record that could not be read, so that open flows wait no longer for
// it than for any other (Limits.Records).
func (t *Table) Skip() { t.records++ }

// observe moves the clock of a record's sensor to ts, microseconds, and returns how late
// the record is.
func (t *Table) observe(rec *zeek.Record, ts int64) (s *sensor, late int64) {
	s = t.sensors.named(rec.Sensor)
	if !t.begun {
		t.begun, t.now = true, ts
	}
	s.clock.start(t.now, ts)
	late = s.clock.behind(ts)
	if s.clock.observe(ts) {
		late = 0 // the record is of the time that the clock now follows
		s.timers.rebase(ts, s.clock.shift, &t.cfg.Rules)
	}
	t.now = max(t.now, s.clock.now)
	t.dirty = append(t.dirty[:0], s)
	return s, late
}

// packet takes a packet record.
func (t *Table) packet(rec *zeek.Record) (*Flow, Outcome) {
	s, late := t.observe(rec, rec.TS)
	t.lateness.add(late, &t.cfg.Rules)
	s.recent.add(late, s.clock.now)
	if rec.N > uint32(t.cfg.Rules.Depth) {
		return nil, Beyond
	}
	f, known := t.open[string(rec.UID)]
	if !known {
		if t.finished.seen(rec.UID, t.now) {
			return nil, Late
		}
		if opens := t.cfg.Rules.Opens; opens > 0 && rec.N > uint32(opens) {
			return nil, Beyond
		}
		f = t.openFlow(rec, s)
	}
	outcome := f.addPacket(rec, &t.cfg.Rules)
	t.charge(f)
	if !known {
		s.timers.start(f, &t.cfg.Rules)
		return f, Opened
	}
	return f, outcome
}

// end takes an end record.
func (t *Table) end(rec *zeek.Record) (*Flow, Outcome) {
	f, ok := t.open[string(rec.UID)]
	if !ok {
		if t.finished.seen(rec.UID, t.now) {
			return nil, Late
		}
		return nil, EndUnopened
	}
	f.state.endSeen, f.state.tornDown, f.state.sent = true, rec.Closed, uint8(min(rec.Sent, math.MaxUint8))
	f.advance(&t.cfg.Rules)
	return f, EndRecord
}

// Has reports whether the flow of this uid is open.
func (t *Table) Has(uid []byte) bool {
	_, open := t.open[string(uid)]
	return open
}

// Size returns the number of open flows that a task is not done with, the bytes of memory that
// all open flows hold, and the number of finished uids that are remembered.
func (t *Table) Size() (flows, bytes, remembered int) {
	return len(t.open) - t.shadowed, t.bytes, t.finished.count
}

// Losses returns two counts since the table was built. forgotten is how many finished
// uids were dropped before their time, because there was no room. withoutFirst is how
// many flows were decided without their first packet: it never came, or it was part of
// the same flow before the uid was forgotten.
func (t *Table) Losses() (forgotten, withoutFirst int) {
	return t.finished.forgottenEarly, t.withoutFirst
}

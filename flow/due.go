package flow

import (
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Due gives the next flow that must be decided with what there is, because its
// time is over, it holds the watermark for too long or memory is short; nil where
// there is none.
func (t *Table) Due() *Flow {
	for n := len(t.stirred); n > 0; n-- {
		s := t.stirred[n-1]
		if f := s.timers.earliest(&t.cfg.Rules); f != nil && f.timer.due <= s.clock.now {
			return t.expire(f, TimedOut)
		}
		t.stirred = t.stirred[:n-1]
	}
	f := t.ages.oldest
	switch {
	case f == nil:
		return nil
	case t.waited-f.age.waited >= t.patience():
		return t.expire(f, TimedOut)
	case t.cfg.Limits.Records > 0 && t.taken-f.age.record >= t.cfg.Limits.Records:
		return t.expire(f, Evicted)
	case len(t.open) > t.cfg.Limits.Flows || t.bytes > t.cfg.Limits.Bytes:
		return t.expire(t.sensors.busiest().timers.earliest(&t.cfg.Rules), Evicted)
	}
	return nil
}

func (t *Table) expire(f *Flow, cause Cause) *Flow {
	f.expire(&t.cfg.Rules, cause)
	return f
}

// patience is how long a flow may be open in wall time, counted where the records'
// own time says nothing because it stands still or runs slowly. It is more than
// record time would take, so that that comes first wherever it runs.
func (t *Table) patience() time.Duration { return t.cfg.Rules.MaxAge + 2*t.cfg.Rules.Lateness }

// Drain gives an open flow to be decided because no record will follow at all,
// of one sensor the one that would expire first; nil where there is none.
func (t *Table) Drain() *Flow {
	f := t.sensors.busiest().timers.earliest(&t.cfg.Rules)
	if f == nil {
		return nil
	}
	return t.expire(f, TimedOut)
}

// Keep takes back a flow that waits for more packets.
func (t *Table) Keep(f *Flow) { t.charge(f) } // the cascade's answer is in it now

// Finish takes a decided flow out of the table and remembers its uid. The flow
// must not be used afterwards.
func (t *Table) Finish(f *Flow) {
	if f.lowest() > 1 {
		t.headless++
	}
	f.sensor.timers.stop(f)
	t.ages.remove(f)
	delete(t.open, f.UID)
	t.bytes -= int(f.charged)
	t.done.add(f.UID, t.now)
	f.reset()
	if len(t.spare) < maxSpare && f.bytes() < maxSpareBytes {
		t.spare = append(t.spare, f)
	}
}

const (
	// maxSpare bounds the emptied flows that are kept for reuse,
	maxSpare = 1024
	// and maxSpareBytes what each of them holds.
	maxSpareBytes = 2 << 10
)

// Has tells whether a flow is open.
func (t *Table) Has(uid []byte) bool {
	_, open := t.open[string(uid)]
	return open
}

// WarmUp remembers the uid of a record whose flow was finished before this table
// was built. A record that opens nothing says nothing: the packets of its flow may
// still come.
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
	if !t.done.seen(rec.UID, t.now) && opens {
		t.done.add(string(rec.UID), t.now)
	}
}

// Idle tells the table that for so long in wall time there was no record to read.
// It moves the clock of each sensor from which none has come since it was last told.
func (t *Table) Idle(waited time.Duration) {
	t.waited += waited
	t.stirred = append(t.stirred[:0], t.sensors.all...)
	for _, s := range t.stirred {
		s.clock.idle(waited)
		t.now = max(t.now, s.clock.now)
	}
}

// Size gives the open flows, the bytes that they hold, and the uids remembered.
func (t *Table) Size() (flows, bytes, remembered int) {
	return len(t.open), t.bytes, t.done.count
}

// Losses gives how many finished uids were forgotten for want of room before their
// time, and how many flows were decided without their first packet: it never came,
// or the flow had been finished and forgotten.
func (t *Table) Losses() (forgotten, headless int) { return t.done.early, t.headless }

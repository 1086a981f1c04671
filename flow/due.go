package flow

import "time"

// Due returns the next flow that must be decided with the packets that are there:
// its time is over, it holds the watermark for too long, or memory is short. It
// returns nil if there is none.
func (t *Table) Due() *Flow {
	for n := len(t.dirty); n > 0; n-- {
		s := t.dirty[n-1]
		if f := s.timers.earliest(&t.cfg.Rules); f != nil && f.timer.due < s.clock.now {
			return t.lapse(f, s.clock.now)
		}
		t.dirty = t.dirty[:n-1]
	}
	f := t.byAge.oldest
	switch {
	case f == nil:
		return nil
	case t.waited-f.queued.waited >= t.maxWait():
		return t.expire(f, TimedOut)
	case t.cfg.Limits.Records > 0 && t.records-f.queued.records >= t.cfg.Limits.Records:
		return t.expire(f, Evicted)
	case len(t.open) > t.cfg.Limits.Flows || t.bytes > t.cfg.Limits.Bytes:
		return t.expire(t.sensors.busiest().timers.earliest(&t.cfg.Rules), Evicted)
	}
	return nil
}

// Drain returns an open flow to be decided because no record will follow at all: of
// the sensor with the most open flows, the one that would expire first. It returns
// nil if no flow is open.
func (t *Table) Drain() *Flow {
	f := t.sensors.busiest().timers.earliest(&t.cfg.Rules)
	if f == nil {
		return nil
	}
	return t.expire(f, TimedOut)
}

// expire closes the flow with the packets that are there.
func (t *Table) expire(f *Flow, cause Cause) *Flow {
	f.expire(&t.cfg.Rules, cause)
	return f
}

// maxWait is the limit in wall time for an open flow. It holds where record time
// stands still or runs slowly. It is longer than any limit in record time, so record
// time decides wherever it runs.
func (t *Table) maxWait() time.Duration {
	r := &t.cfg.Rules
	return r.MaxAge + 2*r.Lateness + r.grace()
}

// Idle tells the table that for this long, in wall time, there was no record to read.
// It moves the clock of every sensor that sent no record since the last call, once the
// silence has lasted for longer than records may be on their way.
func (t *Table) Idle(waited time.Duration) {
	t.waited += waited
	t.dirty = append(t.dirty[:0], t.sensors.all...)
	for _, s := range t.dirty {
		s.clock.idle(waited, t.cfg.Rules.grace())
		t.now = max(t.now, s.clock.now)
	}
}

package flow

import "github.com/serveflow/serveflow/flow/zeek"

const (
	// maxFree is how many emptied flows are kept for reuse, at most.
	maxFree = 1024
	// maxFreeBytes is the memory that each of them may hold. It is enough for a common
	// flow, so that one with long headers does not keep its memory for ever.
	maxFreeBytes = 2 << 10
)

// openFlow adds a flow that begins with this record.
func (t *Table) openFlow(rec *zeek.Record, s *sensor) *Flow {
	f := t.emptyFlow()
	if f.UID, f.Sensor = string(rec.UID), s.name; s.name != string(rec.Sensor) {
		f.Sensor = string(rec.Sensor)
	}
	f.Orig, f.Resp, f.Proto = rec.Orig, rec.Resp, rec.Proto
	f.Want = int8(t.cfg.Want)
	f.sensor, f.timer.opened, f.timer.offset = s, rec.TS, s.clock.now-rec.TS
	f.queued.records, f.queued.waited = t.records, t.waited
	t.open[f.UID] = f
	t.byAge.add(f)
	return f
}

// emptyFlow takes a flow from the free list, or allocates one.
func (t *Table) emptyFlow() *Flow {
	n := len(t.free)
	if n == 0 {
		return &Flow{Cursors: make([]Cursor, max(1, t.cfg.Tasks)+t.cfg.Shadows)}
	}
	f := t.free[n-1]
	t.free = t.free[:n-1]
	return f
}

// Keep takes back a flow that waits for more packets. It counts the memory anew,
// since the cascade may have stored an answer in the flow, and the time: a task may have
// less patience with that answer.
func (t *Table) Keep(f *Flow) {
	t.charge(f)
	f.sensor.timers.hasten(f, &t.cfg.Rules)
	if t.cfg.Shadows > 0 && !f.shadowed && f.labelled(max(1, t.cfg.Tasks)) {
		f.shadowed = true
		t.shadowed++
	}
}

// labelled reports whether the first n cascades are done with the flow: those of the tasks.
func (f *Flow) labelled(n int) bool {
	for i := range n {
		if !f.Cursors[i].Done {
			return false
		}
	}
	return true
}

// Finish takes a decided flow out of the table and remembers its uid. The caller must
// not use the flow afterwards: the table uses its memory again.
func (t *Table) Finish(f *Flow) {
	if f.firstNumber() > 1 {
		t.withoutFirst++
	}
	if f.shadowed {
		t.shadowed--
	}
	f.sensor.timers.stop(f)
	t.byAge.remove(f)
	delete(t.open, f.UID)
	t.bytes -= int(f.charged)
	t.finished.add(f.UID, t.now)
	f.reset()
	if len(t.free) < maxFree && f.bytes() < maxFreeBytes {
		t.free = append(t.free, f)
	}
}

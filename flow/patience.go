package flow

import "time"

// Close says that the task looks at no more packets than limit, why, and at which record time
// that was due, in microseconds.
func (c *Cursor) Close(cause Cause, limit int, due int64) {
	c.Cause, c.Limit, c.Due = cause, int8(limit), due
}

// waits reports whether the task may still look at more packets.
func (c *Cursor) waits() bool { return !c.Done && c.Cause == Reached }

// Silence is the record time from packet n, counted from 1, to the next one. Both have come.
func (f *Flow) Silence(n int) time.Duration {
	return time.Duration(f.packets[n].TS-f.packets[n-1].TS) * time.Microsecond
}

// Closing is the cause of a closed flow, the number of packets that count, and the record time
// at which that was due, for a task that waits this long for the packet after Reach; 0 is as
// long as the flow waits.
//
// None of them may depend on whether the clock or what closed the flow came first.
func (f *Flow) Closing(patience time.Duration) (cause Cause, limit int, due int64) {
	cause, limit, due = f.state.cause, int(f.limit), f.state.due
	if patience == 0 {
		return cause, limit, due
	}
	until := later(f.heard(), patience)
	if f.state.byRecord { // it comes closeDelay after a packet that may not be among those that Zeek wrote
		cause = TimedOut
	}
	if cause == TimedOut {
		due = min(due, until)
	}
	return cause, min(limit, f.within(until)), due
}

// heard is the record time of the packet at Reach, or of the first one that has come.
func (f *Flow) heard() int64 {
	if f.state.reach > 0 {
		return f.packets[f.state.reach-1].TS
	}
	return f.First()
}

// impatience is the record time until which every task of the flow waits for the packet
// after Reach, in microseconds: horizon, or earlier if a task has less patience.
func (f *Flow) impatience(r *Rules) int64 {
	until := f.horizon(r)
	for i := range f.Cursors {
		if c := &f.Cursors[i]; c.Patience > 0 && c.waits() {
			until = min(until, later(f.heard(), c.Patience))
		}
	}
	return until
}

// lapse closes the flow if its time is over on its sensor's clock, else those of its tasks
// whose patience is.
func (t *Table) lapse(f *Flow, now int64) *Flow {
	r := &t.cfg.Rules
	if f.onClock(f.horizon(r), r) < now {
		return t.expire(f, TimedOut)
	}
	for i := range f.Cursors {
		c := &f.Cursors[i]
		if until := later(f.heard(), c.Patience); c.Patience > 0 && c.waits() && f.onClock(until, r) < now {
			c.Close(TimedOut, f.within(until), until)
			f.Want = 0 // it wants a decision now
		}
	}
	return f
}

// Missing reports whether one of the first n packets, of those that count, has not come.
func (f *Flow) Missing(n int) bool {
	for i := range f.Packets(n) {
		if !f.packets[i].Present {
			return true
		}
	}
	return false
}

// TornDown reports whether one of the first n packets has ended the flow.
func (f *Flow) TornDown(n int) bool {
	return f.state.cause == Ended && !f.state.byRecord && int(f.limit) <= n
}

// Heard is the record time of packet n, counted from 1, which has come; microseconds.
func (f *Flow) Heard(n int) int64 { return f.packets[n-1].TS }

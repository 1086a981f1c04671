package flow

import "time"

// Close says that the task looks at no more packets than limit, and why.
func (c *Cursor) Close(cause Cause, limit int) { c.Cause, c.Limit = cause, int32(limit) }

// waits reports whether the task may still look at more packets.
func (c *Cursor) waits() bool { return !c.Done && c.Cause == Reached }

// Silence is the record time from packet n, counted from 1, to the next one. Both have come.
func (f *Flow) Silence(n int) time.Duration {
	return time.Duration(f.packets[n].TS-f.packets[n-1].TS) * time.Microsecond
}

// Closing is the cause of a closed flow and the number of packets that count, for a task
// that waits this long for the packet after Reach; 0 is as long as the flow waits.
//
// Neither may depend on whether the clock or what closed the flow came first.
func (f *Flow) Closing(patience time.Duration) (Cause, int) {
	cause, limit := f.state.cause, int(f.limit)
	if patience == 0 {
		return cause, limit
	}
	if f.state.byRecord { // it comes closeDelay after a packet that may not be among those that Zeek wrote
		cause = TimedOut
	}
	return cause, min(limit, f.within(later(f.heard(), patience)))
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
			c.Close(TimedOut, f.within(until))
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

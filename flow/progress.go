package flow

import (
	"math"
	"time"
)

// progress is how far a flow has come towards its decision.
type progress struct {
	due      int64 // record time at which the flow was closed, microseconds
	reach    int8  // packets from the first one up to the first hole
	cause    Cause // why no further packet counts; Reached while one does
	finOrig  bool  // the originator sent a FIN
	finResp  bool
	endSeen  bool  // Zeek's end record has come
	byRecord bool  // ... and has closed the flow
	tornDown bool  // ... and says that the connection was closed by FIN or RST
	sent     uint8 // ... and how many packet records Zeek wrote, 255 for more; 0 if it does not say
}

// advance counts the packets up to the first hole. It closes the flow if they, or
// Zeek's end record, say that there is nothing more to wait for.
func (f *Flow) advance(r *Rules) {
	s := &f.state
	for !f.closed() && int(s.reach) < len(f.packets) && f.packets[s.reach].Present {
		p := &f.packets[s.reach]
		if s.reach > 0 && p.TS > f.horizon(r) {
			f.close(TimedOut, int(s.reach), f.horizon(r))
			return
		}
		s.reach++
		if f.tearsDown(p) {
			f.close(Ended, int(s.reach), p.TS)
		}
	}
	if !f.closed() && s.endSeen && f.complete(r) {
		s.byRecord = true
		cause, due := f.endCause(r), later(f.heard(), closeDelay)
		if cause == TimedOut {
			due = f.horizon(r)
		}
		f.close(cause, int(s.reach), due)
	}
}

// horizon is the record time until which the flow waits for the packet after Reach,
// in microseconds.
func (f *Flow) horizon(r *Rules) int64 {
	return min(later(f.heard(), r.Idle), later(f.First(), r.MaxAge))
}

// complete reports whether every packet record that Zeek wrote has come.
func (f *Flow) complete(r *Rules) bool {
	if f.state.sent == 0 {
		return f.Reach() == f.highest(r)
	}
	return f.Reach() >= int(f.state.sent)
}

// highest is the number of the last packet that has come, or of the last one that the tasks look
// at while they want more.
func (f *Flow) highest(r *Rules) int {
	if f.Reach() < r.Opens {
		return f.LastAmong(r.Opens)
	}
	return len(f.packets)
}

// LastAmong is the number of the last packet that has come of the first n; n for a flow of
// conn.log.
func (f *Flow) LastAmong(n int) int {
	if f.conn != nil {
		return n
	}
	for n = min(n, len(f.packets)); n > 0 && !f.packets[n-1].Present; n-- {
	}
	return n
}

// closeDelay is how long after the last packet Zeek writes the end record of a
// connection that was closed by FIN or RST (tcp_close_delay).
const closeDelay = 5 * time.Second

// endCause is the cause of a flow that Zeek's end record closes. It must not depend
// on whether the record or the clock comes first. So it is a timeout if Zeek only ran
// into its own inactivity timeout, or if Idle is over before Zeek writes the record.
func (f *Flow) endCause(r *Rules) Cause {
	if f.state.tornDown && r.Idle >= closeDelay {
		return Ended
	}
	return TimedOut
}

// expire closes the flow with the packets that are there. Packets behind a hole count
// if they came within the horizon.
func (f *Flow) expire(r *Rules, cause Cause) {
	if f.closed() {
		return
	}
	due := f.horizon(r)
	if cause == Evicted {
		due = f.heard() // at least: which record left no room for it is not known here
	}
	f.close(cause, f.within(f.horizon(r)), due)
}

// within is the number of packets that count where those behind a hole have come until a
// record time.
func (f *Flow) within(until int64) int {
	limit := f.Reach()
	for i := limit; i < len(f.packets); i++ {
		if f.packets[i].Present && f.packets[i].TS <= until {
			limit = i + 1
		}
	}
	return limit
}

// close ends the wait, at the record time due. A decision may look at packets 1 to limit.
func (f *Flow) close(cause Cause, limit int, due int64) {
	f.state.cause, f.limit, f.state.due = cause, int8(limit), due
}

// later adds d to a record time in microseconds. It stays in range.
func later(ts int64, d time.Duration) int64 {
	if sum := ts + d.Microseconds(); sum >= ts {
		return sum
	}
	return math.MaxInt64
}

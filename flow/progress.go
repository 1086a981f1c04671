package flow

import (
	"math"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Rules say when a flow is decided. All times are record time.
//
// They are judged on the flow's own packets: one that comes more than Idle after
// the packet before it, or more than MaxAge after the first, finds the flow
// decided without it, whether or not the partition's clock has fired yet.
type Rules struct {
	Depth    int           // packets a flow that are kept and looked at, at most
	Idle     time.Duration // longest wait for the next packet
	MaxAge   time.Duration // longest time from the first packet to the last looked at
	Lateness time.Duration // how far the clock lags for records out of order
}

// progress is how far a flow has come towards its decision.
type progress struct {
	reach    int32 // packets from the first on without a hole
	closed   bool  // no further packet will be looked at: cause says why
	cause    Cause
	finOrig  bool
	finResp  bool
	forgot   bool   // Zeek's end record is there
	tornDown bool   // ... and it says FIN or RST
	sent     uint32 // ... and how many packet records there are
}

// advance walks on over the packets that have come, up to the first hole, and
// closes the flow where its own packets say that nothing more is to be waited for.
func (f *Flow) advance(r *Rules) {
	s := &f.state
	for !s.closed && int(s.reach) < len(f.packets) && f.packets[s.reach].Present {
		p := &f.packets[s.reach]
		if s.reach > 0 && p.TS > f.horizon(r) {
			f.close(TimedOut, int(s.reach))
			return
		}
		s.reach++
		if f.tearsDown(p) {
			f.close(Ended, int(s.reach))
		}
	}
	if !s.closed && s.forgot && f.complete() {
		f.close(f.forgottenAs(r), int(s.reach))
	}
}

// horizon is the record time up to which the flow waits for the packet after
// those without a hole.
func (f *Flow) horizon(r *Rules) int64 {
	first := f.First()
	last := first
	if f.state.reach > 0 {
		last = f.packets[f.state.reach-1].TS
	}
	return min(later(last, r.Idle), later(first, r.MaxAge))
}

// tearsDown reports whether p ends the flow: a reset, or the second side's FIN.
func (f *Flow) tearsDown(p *Packet) bool {
	if f.Proto != zeek.TCP {
		return false
	}
	const fin, rst = 1, 4
	flags := f.tcpFlags(p)
	if flags&fin != 0 && p.FromOrig {
		f.state.finOrig = true
	} else if flags&fin != 0 {
		f.state.finResp = true
	}
	return flags&rst != 0 || f.state.finOrig && f.state.finResp
}

// tcpFlags gives the packet's TCP flags from the record's own field, else from
// the header bytes; 0 where both are missing.
func (f *Flow) tcpFlags(p *Packet) int {
	if p.Flags != zeek.Absent {
		return int(p.Flags)
	}
	hdr := f.Header(p)
	at := 40 + 13 // IPv6 with TCP right behind it; where more lies between, the field is all there is
	if len(hdr) > 0 && hdr[0]>>4 == 4 {
		at = int(hdr[0]&15)*4 + 13
	} else if len(hdr) <= at || hdr[6] != zeek.TCP {
		return 0
	}
	if at >= len(hdr) {
		return 0
	}
	return int(hdr[at])
}

// complete reports whether every packet record that Zeek wrote has come.
func (f *Flow) complete() bool {
	if f.state.sent == 0 { // the record does not say
		return f.Reach() == len(f.packets)
	}
	return f.Reach() >= int(min(f.state.sent, math.MaxInt32))
}

// closeDelay is how long after its last packet Zeek writes the end record of a
// connection that was torn down (tcp_close_delay).
const closeDelay = 5 * time.Second

// forgottenAs is the cause where Zeek forgot the flow. It is a timeout, whichever
// clock fires first, where it was Zeek's own inactivity timeout, and where our
// idle time is over before Zeek says that the connection was torn down.
func (f *Flow) forgottenAs(r *Rules) Cause {
	if f.state.tornDown && r.Idle >= closeDelay {
		return Ended
	}
	return TimedOut
}

// expire closes the flow with what there is. Where a packet is missing, those
// behind the hole count if they came within the horizon.
func (f *Flow) expire(r *Rules, cause Cause) {
	if f.state.closed {
		return
	}
	limit := f.Reach()
	for i, horizon := limit, f.horizon(r); i < len(f.packets); i++ {
		if f.packets[i].Present && f.packets[i].TS <= horizon {
			limit = i + 1
		}
	}
	f.close(cause, limit)
}

func (f *Flow) close(cause Cause, limit int) {
	f.state.closed, f.state.cause, f.limit = true, cause, int32(limit)
}

// later adds d to a record time in microseconds and stays in range.
func later(ts int64, d time.Duration) int64 {
	if sum := ts + d.Microseconds(); sum >= ts {
		return sum
	}
	return math.MaxInt64
}

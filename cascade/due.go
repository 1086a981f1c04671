package cascade

import "github.com/serveflow/serveflow/flow"

// due is the record time at which a flow that is being decided could be, in microseconds, and
// whether that is the end of a silence. first is how many packets the first stage wants.
//
// An eviction is not due: its time is that of the last packet in order.
func due(f *flow.Flow, at *flow.Cursor, first int) (ts int64, silent bool) {
	switch {
	case at.Cause != flow.Reached:
		return at.Due, at.Cause == flow.TimedOut
	case at.Seen > 0:
		return f.Heard(int(at.Seen)), false
	case f.Reach() > 0: // no stage has looked: its protocol is enough
		return f.Heard(min(first, f.Reach())), false
	}
	cause, _, ts := f.Closing(0)
	return ts, cause == flow.TimedOut
}

package cascade

import (
	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
)

// sight says what a stage does about a flow now.
type sight int

const (
	asks   sight = iota // it has the packets that it wants, or there will be no more
	waits               // it wants more packets, and they may come
	passes              // it has been asked about all that there is
)

// look goes through the flow's packets up to those that the stage wants, as if they came one
// by one: what is decided must not depend on how many of them lie there already. An answer
// that stands has its patience: a packet that came later than that after the one before it
// does not count.
//
// depth is that of the bundle. Flows may hold packets beyond it, for other bundles; whether they
// came must not show in what this one says of a missing packet.
func look(f *flow.Flow, at *flow.Cursor, s, answered *Stage, a *answer.Answer, depth int) sight {
	wants, again := s.Depth, asked(at)
	if again {
		wants = int(at.Seen) + 1
	}
	for at.Cause == flow.Reached && int(at.Seen) < min(wants, f.Reach()) {
		if answered != nil && at.Seen > 0 {
			at.Patience = answered.patience(a, int(at.Seen))
			if at.Patience > 0 && f.Silence(int(at.Seen)) > at.Patience {
				at.Close(flow.TimedOut, int(at.Seen), f.Heard(int(at.Seen))+at.Patience.Microseconds())
				break
			}
		}
		at.Seen++
	}
	if at.Cause == flow.Reached && int(at.Seen) < wants {
		at.Patience = 0
		if answered != nil {
			at.Patience = answered.patience(a, int(at.Seen))
		}
		if f.Cause() == flow.Reached {
			at.Want = int8(wants)
			if at.Patience > 0 { // it may be another with the next packet
				at.Want = at.Seen + 1
			}
			return waits
		}
		at.Close(f.Closing(at.Patience))
	}
	if at.Cause != flow.Reached {
		at.Limit = int8(f.LastAmong(min(int(at.Limit), depth)))
	}
	if again && packets(at, s) <= int(at.Asked) {
		return passes
	}
	at.Asked = int8(packets(at, s))
	return asks
}

// asked reports whether the stage that looks now has answered the flow already.
func asked(at *flow.Cursor) bool { return len(at.Answer) > 0 && at.By == at.Stage }

// packets is how many packets of the flow the stage looks at.
func packets(at *flow.Cursor, s *Stage) int {
	if at.Cause != flow.Reached {
		return min(s.deepest(), int(at.Limit))
	}
	return min(s.deepest(), max(s.Depth, int(at.Seen)))
}

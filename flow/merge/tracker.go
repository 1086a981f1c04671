package merge

import (
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// lookAhead is how many records of an input are looked at before the first of them
// passes, where there are as many.
const lookAhead = flow.JumpQuorum

// eventTime is a place in the order of the records: record time, and how often record time
// has stepped back by more than a jump before.
type eventTime struct {
	era int
	ts  int64 // microseconds
}

// before reports whether t lies more than slack, in microseconds, before other.
func (t eventTime) before(other eventTime, slack int64) bool {
	return t.era < other.era || t.era == other.era && t.ts < other.ts-slack
}

// tracker follows one input's record time. It follows packet records, as the flow
// table's clock does, and believes a jump by the same rule: a quorum of 128 in a row.
// But it looks at them before they pass, so that no input runs ahead into another
// capture by so many.
type tracker struct {
	now    int64 // record time of the latest packet believed, microseconds
	era    int   // how often that has stepped back by more than a jump
	seeded bool
	beyond int // packets in a row that have passed and lay beyond a jump
}

// turn is when, in record time, a record may pass.
type turn struct {
	at eventTime
	// strict: nothing that lies before it may come after it, however little.
	strict bool
	// mayBeWild: too few records follow to tell whether its time is believed.
	mayBeWild bool
}

// next gives the turn of the first of the queued records.
func (t *tracker) next(queue []queued) turn {
	if !t.seeded {
		t.now, t.seeded = earliest(queue, 0)
	}
	switch first := &queue[0]; {
	case first.kind == zeek.End:
		return turn{at: eventTime{t.era, t.ending(first.ts)}, strict: true}
	case first.kind != zeek.Packet:
		return t.here()
	case first.ts > t.now+flow.Jump:
		return t.ahead(queue)
	case first.ts < t.now-flow.Jump:
		return t.back(queue)
	default:
		t.now, t.beyond = max(t.now, first.ts), 0
		return t.here()
	}
}

// here is the turn of what belongs behind the record before it.
func (t *tracker) here() turn { return turn{at: eventTime{t.era, t.now}} }

// ending is when an end record may pass: its time is that of the flow's last packet,
// which must come first. Where that time makes no sense, the record belongs here.
func (t *tracker) ending(ts int64) int64 {
	if ts < t.now || ts > t.now+flow.Jump {
		return t.now
	}
	return ts + 1
}

// ahead is the turn of a packet more than a jump ahead. A wild one belongs here; where
// those behind it are of its time, record time has jumped.
func (t *tracker) ahead(queue []queued) turn {
	queue, full := firstOf(queue)
	ts, _ := earliest(queue, t.now-flow.Jump)
	switch {
	case ts <= t.now+flow.Jump:
		return t.here()
	case !full && t.beyond+len(queue) < flow.JumpQuorum:
		return turn{at: eventTime{t.era, ts}, mayBeWild: true}
	}
	t.now, t.beyond = ts, 0
	return t.here()
}

// passed says that a packet passed that may have been wild.
func (t *tracker) passed() { t.beyond++ }

// back is the turn of a packet from long ago. Nobody waits for a wild one; but where all
// that follow are from then, record time has stepped back, and the other inputs must
// first finish the time before.
func (t *tracker) back(queue []queued) turn {
	queue, full := firstOf(queue)
	if _, goesOn := earliest(queue, t.now-flow.Jump); goesOn {
		return t.here()
	}
	if t.beyond++; full || t.beyond >= flow.JumpQuorum {
		t.now, _ = earliest(queue, 0)
		t.beyond, t.era = 0, t.era+1
	}
	return t.here()
}

// firstOf cuts the queue to what is looked at; full where it is as long as that.
func firstOf(queue []queued) (_ []queued, full bool) {
	if len(queue) < lookAhead {
		return queue, false
	}
	return queue[:lookAhead], true
}

// earliest is the earliest time of the queue's packets that are not before a time.
func earliest(queue []queued, notBefore int64) (ts int64, any bool) {
	queue, _ = firstOf(queue)
	for i := range queue {
		if q := &queue[i]; q.kind == zeek.Packet && q.ts >= notBefore && (!any || q.ts < ts) {
			ts, any = q.ts, true
		}
	}
	return ts, any
}

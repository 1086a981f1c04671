package consumer

import (
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// lookAhead is how many records of a partition are looked at before the first of
// them goes on, where there are as many.
const lookAhead = flow.LeapVotes

// course is a partition's way through record time. It follows packet records, as
// the flow table's clock does, and believes a leap by the same rule: 128 in a
// row. But it looks at them before they go on, so that no partition runs ahead
// into another capture by so many.
type course struct {
	now    int64 // record time of the latest packet believed, microseconds
	era    int   // how often that has stepped back by more than a leap
	seeded bool
	votes  int // packets in a row, gone on, that lay beyond a leap
}

// step is when, in record time, a record may go on.
type step struct {
	at moment
	// strict: nothing that lies before it may come after it, however little.
	strict bool
	// unsure: it may be a wild record, and too few follow to tell.
	unsure bool
}

// next gives the step of the first of the queued records, which is to go on.
func (c *course) next(queue []queued) step {
	if !c.seeded {
		c.now, c.seeded = earliest(queue, 0)
	}
	switch first := &queue[0]; {
	case first.kind == zeek.End:
		return step{at: moment{c.era, c.ending(first.ts)}, strict: true}
	case first.kind != zeek.Packet:
		return c.here()
	case first.ts > c.now+flow.Leap:
		return c.leap(queue)
	case first.ts < c.now-flow.Leap:
		return c.back(queue)
	default:
		c.now, c.votes = max(c.now, first.ts), 0
		return c.here()
	}
}

// here is the step of what belongs behind the record before it.
func (c *course) here() step { return step{at: moment{c.era, c.now}} }

// ending is when an end record may go on: its time is that of the flow's last
// packet, which must come first. Where it makes no sense it belongs here.
func (c *course) ending(ts int64) int64 {
	if ts < c.now || ts > c.now+flow.Leap {
		return c.now
	}
	return ts + 1
}

// leap is the step of a packet beyond a leap: a wild one belongs here, others
// follow where the time has leapt.
func (c *course) leap(queue []queued) step {
	queue, full := ahead(queue)
	ts, _ := earliest(queue, c.now-flow.Leap)
	switch {
	case ts <= c.now+flow.Leap:
		return c.here()
	case !full && c.votes+len(queue) < flow.LeapVotes:
		return step{at: moment{c.era, ts}, unsure: true}
	}
	c.now, c.votes = ts, 0
	return c.here()
}

// went says that a packet went on of which it was not sure.
func (c *course) went() { c.votes++ }

// back is the step of a packet from long ago: nobody waits for a wild one, but
// where all that follow are from then, record time has stepped back, and the
// others must be through with the time before.
func (c *course) back(queue []queued) step {
	queue, full := ahead(queue)
	if _, goesOn := earliest(queue, c.now-flow.Leap); goesOn {
		return c.here()
	}
	if c.votes++; full || c.votes >= flow.LeapVotes {
		c.now, _ = earliest(queue, 0)
		c.votes, c.era = 0, c.era+1
	}
	return c.here()
}

// ahead cuts the queue to what is looked at; full where it is as long as that.
func ahead(queue []queued) (_ []queued, full bool) {
	if len(queue) < lookAhead {
		return queue, false
	}
	return queue[:lookAhead], true
}

// earliest is the earliest time of the queue's packets that are not before a time.
func earliest(queue []queued, notBefore int64) (ts int64, any bool) {
	queue, _ = ahead(queue)
	for i := range queue {
		if q := &queue[i]; q.kind == zeek.Packet && q.ts >= notBefore && (!any || q.ts < ts) {
			ts, any = q.ts, true
		}
	}
	return ts, any
}

package flow

import "time"

const (
	// Jump is how far, in microseconds, one record may move a clock of record time.
	Jump = 60_000_000
	// JumpQuorum is how many records in a row must lie beyond a leap before they
	// are believed: more than the packets that one flow sends, so that no single
	// flow moves the others' time.
	JumpQuorum = 128
)

// clock is a sensor's time in a partition, in microseconds: it follows the packet
// records' time forwards, never goes back, and does not follow a few wild ones.
type clock struct {
	now    int64         // only ever grows; record time + shift
	shift  int64         // so that a step back in record time is none here, and a leap a short one
	heard  int64         // now, when a record was last believed
	waited time.Duration // wall time since then
	votes  int
	fresh  bool // a record was believed since wall time was last told
	seeded bool
}

// seed starts the clock at now with a record's time, unless it runs.
func (c *clock) seed(now, ts int64) {
	if !c.seeded {
		*c = clock{seeded: true, now: now, heard: now, shift: now - ts}
	}
}

// observe takes a packet record's time, and tells whether it made the clock
// believe a leap: from then on record time + shift is the clock's.
func (c *clock) observe(ts int64) (leapt bool) {
	c.seed(ts, ts)
	if at := c.now - c.shift; ts > at+Jump || ts < at-Jump {
		if c.votes++; c.votes < JumpQuorum {
			return false
		}
		if ts > at { // those that voted are of the new time: they must not age by the leap
			c.now += Jump
		}
		c.shift, leapt = c.now-ts, true
	}
	c.votes = 0
	c.now = max(c.now, ts+c.shift)
	c.heard, c.waited, c.fresh = c.now, 0, true
	return leapt
}

// idle moves the clock on by wall time, counted from when a record was last believed.
func (c *clock) idle(waited time.Duration) {
	if c.seeded && !c.fresh { // else the wait was for the record, whose own time counts
		c.waited += waited
		c.now = max(c.now, later(c.heard, c.waited))
	}
	c.fresh = false
}

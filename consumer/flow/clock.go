package flow

import "time"

const (
	// leap is how far, in microseconds, one record may move the clock.
	leap = 60_000_000
	// leapVotes is how many records in a row must lie beyond a leap before the
	// clock believes them: more than the packets that one flow sends, so that no
	// single flow moves the others' time.
	leapVotes = 128
)

// clock is a partition's time, in microseconds: it follows the packet records'
// time forwards, never goes back, and does not follow a few wild ones.
type clock struct {
	now    int64 // only ever grows; record time + shift
	shift  int64 // so that a step back in record time is none here, and a leap a short one
	heard  int64 // now, when a record was last believed
	votes  int
	seeded bool
}

// observe takes a packet record's time.
func (c *clock) observe(ts int64) {
	if !c.seeded {
		c.seeded, c.now, c.heard = true, ts, ts
		return
	}
	if at := c.now - c.shift; ts > at+leap || ts < at-leap {
		if c.votes++; c.votes < leapVotes {
			return
		}
		if ts > at { // those that voted are of the new time: they must not age by the leap
			c.now += leap
		}
		c.shift = c.now - ts
	}
	c.votes = 0
	c.now = max(c.now, ts+c.shift)
	c.heard = c.now
}

// idle moves the clock on by the wall time since a record was last believed.
func (c *clock) idle(since time.Duration) {
	if c.seeded {
		c.now = max(c.now, later(c.heard, since))
	}
}

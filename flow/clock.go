package flow

import "time"

const (
	// Jump is how far one record may move a clock of record time, in microseconds.
	Jump = 60_000_000
	// JumpQuorum is how many records in a row must lie further away than Jump before
	// the clock believes them. It is more than the packets of one flow, so that no
	// single flow can move the time of the others.
	JumpQuorum = 128
	// stall is how long the way to Kafka may stand still: a shipper or a broker that is busy,
	// a rekey that catches up. Silence is no evidence of time before it has lasted longer.
	stall = time.Second
)

// clock is the time of one sensor in one partition, in microseconds. It follows the
// time of the sensor's records, never goes back, and ignores a few outliers.
//
// now is record time plus shift. The shift changes when record time jumps: the clock
// goes on from where it is after a jump back, and by Jump after a jump ahead.
type clock struct {
	now       int64
	shift     int64
	confirmed int64         // now, when a record was last believed
	waited    time.Duration // wall time since then
	outliers  int           // records in a row that were not believed
	fresh     bool          // a record was believed since the last call of idle
	started   bool
}

// start sets the clock to now, for a record of time ts. It does nothing if the clock
// runs already.
func (c *clock) start(now, ts int64) {
	if !c.started {
		*c = clock{started: true, now: now, confirmed: now, shift: now - ts}
	}
}

// behind is how far a record of time ts lies behind the clock, in microseconds: at most
// Jump, and 0 where it lies ahead.
func (c *clock) behind(ts int64) int64 { return min(max(c.now-c.shift-ts, 0), Jump) }

// observe takes the time of a record. It reports whether the record made the clock
// believe in a jump, which changes shift.
func (c *clock) observe(ts int64) (jumped bool) {
	c.start(ts, ts)
	if at := c.now - c.shift; ts > at+Jump || ts < at-Jump {
		if c.outliers++; c.outliers < JumpQuorum {
			return false
		}
		if ts > at { // the flows of the new time are open already: a larger step would end them
			c.now += Jump
		}
		c.shift, jumped = c.now-ts, true
	}
	c.outliers = 0
	c.now = max(c.now, ts+c.shift)
	c.confirmed, c.waited, c.fresh = c.now, 0, true
	return jumped
}

// idle moves the clock on by wall time less grace, counted from the last record that was
// believed. If one came since the last call, the wait was for that record, and its
// own time counts instead.
func (c *clock) idle(waited, grace time.Duration) {
	if c.started && !c.fresh {
		c.waited += waited
		c.now = max(c.now, later(c.confirmed, max(0, c.waited-grace)))
	}
	c.fresh = false
}

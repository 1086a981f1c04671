package flow

import (
	"errors"
	"fmt"
	"time"
)

// Rules say when a flow is decided. All times are record time.
//
// They apply to the flow's own packets. A packet that comes more than Idle after the
// packet before it, or more than MaxAge after the first, does not count for the
// decision, even if the clock of the partition has not ended the flow yet.
//
// Opens is the depth of the tasks alone where a shadow looks deeper: what lies beyond it must
// not bring about a label, nor hold one up.
type Rules struct {
	Depth    int           // packets of a flow that are kept and looked at, at most
	Opens    int           // a flow may begin with a packet up to this one, where the earlier ones do not come; 0: with any
	Idle     time.Duration // longest wait for the next packet
	MaxAge   time.Duration // longest time from the first packet to the last one that counts
	Lateness time.Duration // how much later than that the clock ends a flow, for records out of order
}

// grace is how much of a silence moves no clock: Lateness covers a stall as far as it goes.
func (r *Rules) grace() time.Duration { return max(0, stall-r.Lateness) }

// Deepest is the largest Depth. Numbers of packets are an int8 where an open flow holds them.
const Deepest = 64

// Limits bound what a table holds.
type Limits struct {
	Flows    int // open flows
	Bytes    int // memory of open flows
	Finished int // finished uids that are remembered
	// Records is how many records may come while a flow is open. Beyond it the flow is
	// decided, so that the oldest one does not hold the watermark for ever. 0 means no
	// limit.
	Records int64
}

// Config is what a table is built with.
type Config struct {
	Rules  Rules
	Limits Limits
	// Conns makes flows from the records of conn.log, each one decided at once,
	// instead of from packet and end records.
	Conns bool
	// Remember is how long a finished uid is remembered after its last record, in
	// record time. Zeek itself keeps a silent connection for five minutes.
	Remember time.Duration
	// Want is how many packets a new flow needs for its first decision.
	Want int
	// Tasks is how many cascades decide each flow; 0 stands for one.
	Tasks int
	// Shadows is how many more cascades decide some of the flows, whose place in the log does
	// not depend on them. Their cursors come behind those of the tasks.
	Shadows int
}

// Validate names the first setting that makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Rules.Depth < 1 || c.Rules.Depth > Deepest:
		return fmt.Errorf("flow: depth is %d: choose 1 to %d packets", c.Rules.Depth, Deepest)
	case c.Want < 1 || c.Want > c.Rules.Depth:
		return fmt.Errorf("flow: the first stage wants %d packets of %d", c.Want, c.Rules.Depth)
	case c.Rules.Idle <= 0 || c.Rules.MaxAge < c.Rules.Idle:
		return fmt.Errorf("flow: idle timeout %v must be above 0 and at most the maximum age %v", c.Rules.Idle, c.Rules.MaxAge)
	case c.Tasks < 0 || c.Shadows < 0:
		return fmt.Errorf("flow: %d tasks and %d shadows: choose at least 1 task", c.Tasks, c.Shadows)
	case c.Rules.Opens < 0 || c.Rules.Opens > c.Rules.Depth:
		return fmt.Errorf("flow: packets up to %d may open a flow of %d", c.Rules.Opens, c.Rules.Depth)
	case c.Rules.Lateness < 0 || c.Remember < 0:
		return errors.New("flow: lateness and remember must not be negative")
	case c.Limits.Records < 0:
		return errors.New("flow: the records that may come while a flow is open must not be negative")
	case c.Limits.Flows < 1 || c.Limits.Bytes < 1<<10 || c.Limits.Finished < 1:
		return errors.New("flow: the limits on open flows, bytes and finished uids must be positive, bytes at least 1024")
	}
	return nil
}

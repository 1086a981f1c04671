package flow

import (
	"net/netip"
	"time"

	"github.com/serveflow/serveflow/internal/delivery"
)

// Flow is one Zeek connection. It holds those of its first packets that have come,
// or what conn.log says of the connection.
type Flow struct {
	UID    string
	Sensor string
	Orig   netip.AddrPort
	Resp   netip.AddrPort
	Proto  uint8 // IP protocol number

	Want    int8           // packets without a hole that the next decision wants
	Cursors []Cursor       // the cascades', one for each task, then one for each shadow
	Acker   delivery.Acker // the consumer's: told once for each task, when its final label is written

	packets []Packet // packet n is packets[n-1]
	headers []byte   // the headers of the packets, in the order in which they came
	index   int32    // in its sensor's timers
	charged int32    // bytes that the table has counted for it

	limit    int8 // a decision may look at packets up to this number
	shadowed bool // every task is done with it: it is open for shadows alone

	conn *connRecord // instead of packets, if the flow comes from conn.log

	state  progress
	timer  timer
	sensor *sensor // the flow waits for this sensor's clock
	queued queued
}

// Cursor is how far the flow has come through the cascade of one task. Packets are counted from 1, and are
// Deepest at most.
type Cursor struct {
	Answer   []float32     // probabilities by class of the stage that answered last, rounded, as many flows keep one; empty before
	Spent    time.Duration // wall time spent computing
	Patience time.Duration // how long, in record time, the task waits for the packet after Reach; 0: as long as the flow does
	Due      int64         // record time at which Cause held, microseconds; a silence is known of by the lateness later
	Novelty  float32       // probability that the flow is of no class, as the last model of that said; 0 before
	Begun    int32         // which of the task's cascades it began with, as the cascades number themselves; 0: none yet
	Want     int8          // packets without a hole that the stage wants first
	Seen     int8          // packets, from the first one on, that the task has gone through
	Asked    int8          // packets that the last stage asked looked at
	Limit    int8          // packets that the task may look at, once Cause says why there are no more
	Cause    Cause         // why the task looks at no more packets; Reached while it may
	Stage    uint8         // the stage that looks next
	By       uint8         // the stage that answered last
	Done     bool          // the task's final label is given or on its way
}

// Cause says why the flow wants a decision. It has a meaning only once Ready.
func (f *Flow) Cause() Cause { return f.state.cause }

// Ready reports whether the flow wants a decision now.
func (f *Flow) Ready() bool {
	return f.closed() || f.Reach() >= int(f.Want)
}

// closed reports whether no further packet counts.
func (f *Flow) closed() bool { return f.state.cause != Reached }

// Reach is the number of packets from the first one up to the first hole.
func (f *Flow) Reach() int { return int(f.state.reach) }

// First is the record time of the first packet that has come, in microseconds since
// the Unix epoch; 0 if none has.
func (f *Flow) First() int64 {
	if f.conn != nil {
		return f.conn.first
	}
	if n := f.firstNumber(); n > 0 {
		return f.packets[n-1].TS
	}
	return 0
}

// reset empties the flow for reuse by the same table and keeps its storage.
func (f *Flow) reset() {
	for i := range f.Cursors {
		f.Cursors[i] = Cursor{Answer: f.Cursors[i].Answer[:0]}
	}
	*f = Flow{packets: f.packets[:0], headers: f.headers[:0], conn: f.conn, Cursors: f.Cursors}
}

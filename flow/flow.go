// Package flow rebuilds flows from packet records, or takes them from conn.log,
// where one record is a whole flow.
//
// It is a pure state machine on record time: no goroutine, no lock, no clock of
// its own. What a flow's label is based on follows from the flow's own records,
// never from when they arrived (see Rules), as long as they arrive out of order
// by no more than Rules.Lateness.
package flow

import (
	"net/netip"
	"time"

	"github.com/serveflow/serveflow/internal/delivery"
)

// Cause says why a flow wants a decision now.
type Cause uint8

const (
	// Reached: the flow has as many packets as were wanted, without a hole.
	Reached Cause = iota
	// Ended: the flow is over, so no packet will follow.
	Ended
	// TimedOut: the next packet did not come in time.
	TimedOut
	// Evicted: memory is short.
	Evicted
)

// String names the cause as labels and metrics do.
func (c Cause) String() string {
	return [...]string{"reached", "flow_end", "timeout", "evicted"}[c]
}

// Packet is one of a flow's first packets. The zero Packet is one that has not come.
type Packet struct {
	TS         int64 // record time, microseconds since the Unix epoch
	IPLen      int32 // bytes; zeek.Absent where the record lacked it, as the next four
	PayloadLen int32 // bytes
	Window     int32
	TTL        int16
	Flags      int16
	hdrStart   uint16
	hdrLen     uint8
	Present    bool
	FromOrig   bool
}

// Flow is one Zeek connection: with those of its first packets that have come, or
// with what conn.log says of it.
type Flow struct {
	UID    string
	Sensor string
	Orig   netip.AddrPort
	Resp   netip.AddrPort
	Proto  uint8 // IP protocol number
	limit  int32 // places that a decision may look at

	Cursor Cursor         // the cascade's
	Acker  delivery.Acker // the consumer's: told when the flow's final label is written

	packets []Packet // by place: packets[n-1]
	headers []byte   // the packets' headers, one behind the other
	index   int32    // in its sensor's timers
	charged int32    // bytes that the table has counted for it

	conn *record // instead of packets, where the flow is one of conn.log

	state  progress
	timer  timer
	sensor *sensor // whose clock it waits for
	age    age
}

// Cursor is how far the flow has come through a cascade.
type Cursor struct {
	Stage  int           // the stage that looks next
	Want   int           // packets without a hole that it wants first
	Answer []float64     // probabilities by class of the stage that answered last; empty before
	By     int           // that stage
	Spent  time.Duration // wall time spent computing
}

// Put stores a packet at its place n, from 1. It reports false, and changes
// nothing, where that place is taken: a duplicate.
func (f *Flow) Put(n int, p Packet, hdr []byte) bool {
	if n > cap(f.packets) {
		f.packets = append(make([]Packet, 0, roomFor(n)), f.packets...)
	}
	for len(f.packets) < n {
		f.packets = append(f.packets, Packet{})
	}
	if f.packets[n-1].Present {
		return false
	}
	p.Present = true
	p.hdrStart, p.hdrLen = uint16(len(f.headers)), uint8(len(hdr))
	if most := len(f.headers) + len(hdr); most > cap(f.headers) {
		f.headers = append(make([]byte, 0, roomForHeaders(most)), f.headers...)
	}
	f.headers = append(f.headers, hdr...)
	f.packets[n-1] = p
	f.limit = max(f.limit, int32(n))
	return true
}

// Packets gives the packets that a decision may look at, by place, depth of them
// at most. One that has not come is there with Present false, so that places hold.
func (f *Flow) Packets(depth int) []Packet {
	return f.packets[:min(depth, int(f.limit))]
}

// Header gives the header bytes of a packet of this flow; empty where Zeek had none.
func (f *Flow) Header(p *Packet) []byte {
	return f.headers[p.hdrStart : int(p.hdrStart)+int(p.hdrLen)]
}

// Cause says why the flow wants a decision; meaningful once Ready.
func (f *Flow) Cause() Cause { return f.state.cause }

// Ready reports whether the flow wants a decision now.
func (f *Flow) Ready() bool {
	return f.state.closed || f.Reach() >= f.Cursor.Want
}

// Reach is how many packets there are from the first on without a hole.
func (f *Flow) Reach() int { return int(f.state.reach) }

// First is the record time of the flow's first packet that came, microseconds.
func (f *Flow) First() int64 {
	if f.conn != nil {
		return f.conn.began
	}
	if n := f.lowest(); n > 0 {
		return f.packets[n-1].TS
	}
	return 0
}

// lowest is the place of the flow's first packet that came; 0 where none did.
func (f *Flow) lowest() int {
	for i := range f.packets {
		if f.packets[i].Present {
			return i + 1
		}
	}
	return 0
}

// reset empties the flow for reuse by the same table and keeps its storage.
func (f *Flow) reset() {
	*f = Flow{packets: f.packets[:0], headers: f.headers[:0], conn: f.conn, Cursor: Cursor{Answer: f.Cursor.Answer[:0]}}
}

package annotate

import "net/netip"

// none is the number of no flow.
const none = ^uint32(0)

// flow is one of Zeek's connections, and the label that it has so far.
type flow struct {
	uid         string
	ends        ends
	ports       [2]uint16 // of originator and responder, as the record has them
	first, last int64     // times of the first and the last packet that is known, microseconds
	rank        int64     // of the row that gave the label; the lower one stays
	label       uint32    // its place in Labeller.labels
	next        uint32    // another flow with this uid, or none
	file        uint16    // the record file that it began in
	source      uint16    // which source gave the label, from 1; 0 while there is none
	counted     uint16    // the last source that was counted as agreeing or disagreeing
	named       bool      // a source has a name for it that is no label
	swapped     bool      // the originator is the higher one of ends
	started     bool      // its first packet is there
	packets     bool      // there is a packet of it, or it is of conn.log
	over        bool      // last is the time of its last packet
}

// orig and resp are the two sides, as the flow's first record names them.
func (f *flow) orig() netip.AddrPort { return f.side(f.swapped, 0) }
func (f *flow) resp() netip.AddrPort { return f.side(!f.swapped, 1) }

func (f *flow) side(high bool, port int) netip.AddrPort {
	addr := f.ends.low
	if high {
		addr = f.ends.high
	}
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), f.ports[port])
}

// see takes the time of a packet; again says that it is not the first to be seen.
func (f *flow) see(ts int64, again bool) {
	if !again || ts < f.first {
		f.first = ts
	}
	f.last = max(f.last, ts)
}

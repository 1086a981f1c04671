package flow

import "github.com/serveflow/serveflow/flow/zeek"

// Packet is one of the first packets of a flow. The zero Packet stands for one that
// has not come.
type Packet struct {
	TS         int64 // record time, microseconds since the Unix epoch
	IPLen      int32 // bytes; zeek.Absent where the record lacks it, as with the next four
	PayloadLen int32 // bytes
	Window     int32
	TTL        int16
	Flags      int16
	hdrStart   uint16
	hdrLen     uint8
	Present    bool
	FromOrig   bool
}

// Put stores a packet as the flow's packet number n, counted from 1. It returns
// false and changes nothing if that packet has come already.
func (f *Flow) Put(n int, p Packet, hdr []byte) bool {
	if n > cap(f.packets) {
		f.packets = append(make([]Packet, 0, packetCap(n)), f.packets...)
	}
	for len(f.packets) < n {
		f.packets = append(f.packets, Packet{})
	}
	if f.packets[n-1].Present {
		return false
	}
	p.Present = true
	p.hdrStart, p.hdrLen = uint16(len(f.headers)), uint8(len(hdr))
	if size := len(f.headers) + len(hdr); size > cap(f.headers) {
		f.headers = append(make([]byte, 0, headerCap(size)), f.headers...)
	}
	f.headers = append(f.headers, hdr...)
	f.packets[n-1] = p
	f.limit = max(f.limit, int8(n))
	return true
}

// Packets returns the packets that a decision may look at, in the order of their
// numbers, at most depth of them. A packet that has not come has Present false, so
// that packet n is always at index n-1.
func (f *Flow) Packets(depth int) []Packet {
	return f.packets[:min(depth, int(f.limit))]
}

// Header returns the header bytes of a packet of this flow; empty if the record had
// none.
func (f *Flow) Header(p *Packet) []byte {
	return f.headers[p.hdrStart : int(p.hdrStart)+int(p.hdrLen)]
}

// firstNumber is the number of the first packet that has come, from 1; 0 if none has.
func (f *Flow) firstNumber() int {
	for i := range f.packets {
		if f.packets[i].Present {
			return i + 1
		}
	}
	return 0
}

// addPacket stores the packet of a record. Zeek may swap originator and responder in
// the middle of a connection ("^" in its history). The record of the flow's first
// packet decides who is who, whichever record arrives first.
func (f *Flow) addPacket(rec *zeek.Record, r *Rules) Outcome {
	swapped := rec.Orig == f.Resp && rec.Resp == f.Orig && rec.Orig != rec.Resp
	p := Packet{TS: rec.TS, FromOrig: rec.FromOrig != swapped, IPLen: rec.IPLen,
		PayloadLen: rec.PayloadLen, TTL: rec.TTL, Flags: rec.Flags, Window: rec.Window}
	if !f.Put(int(rec.N), p, rec.Hdr) {
		return Duplicate
	}
	if f.firstNumber() == int(rec.N) {
		if swapped {
			f.swapSides()
		}
		f.Orig, f.Resp, f.Proto = rec.Orig, rec.Resp, rec.Proto
	}
	f.advance(r)
	return Added
}

// swapSides makes the other side the sender of every packet that has come.
func (f *Flow) swapSides() {
	for i := range f.packets {
		p := &f.packets[i]
		p.FromOrig = p.Present && !p.FromOrig
	}
}

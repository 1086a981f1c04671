package nprint

import "github.com/serveflow/serveflow/flow"

// summary collects the flow-level values, packet by packet. Index 0 is the responder, 1 the
// originator.
type summary struct {
	first, last int64 // record time of the packets so far, microseconds
	packets     [2]int32
	payload     [2]int32
	largest     [2]int32 // payload + 1; 0 if none is known
}

// add counts a packet, and gives the logarithm of the time since the one before it.
func (s *summary) add(p *flow.Packet) (gap int32) {
	if s.packets[0]+s.packets[1] == 0 {
		s.first, s.last = p.TS, p.TS
	}
	s.packets[oneIf(p.FromOrig)]++
	gap = logTime(s.last, p.TS)
	s.last = p.TS
	return gap
}

// addPayload adds a payload length of the packet's side, if it is known.
func (s *summary) addPayload(side, length int32) {
	if length >= 0 {
		s.payload[side] += length
		s.largest[side] = max(s.largest[side], length+1)
	}
}

// values gives the flow-level values, by field.
func (s *summary) values(f *flow.Flow) (v [flowFields]int32) {
	v[proto], v[ipVersion] = Absent, Absent
	v[origPort], v[respPort] = Absent, Absent
	if f.Proto > 0 {
		v[proto] = int32(f.Proto)
	}
	if a := f.Orig.Addr(); a.Unmap().Is4() {
		v[ipVersion] = 4
	} else if a.Is6() {
		v[ipVersion] = 6
	}
	if f.Orig.IsValid() {
		v[origPort] = int32(f.Orig.Port())
	}
	if f.Resp.IsValid() {
		v[respPort] = int32(f.Resp.Port())
	}
	v[packets] = s.packets[0] + s.packets[1]
	v[respPackets], v[origPackets] = s.packets[0], s.packets[1]
	v[respPayload], v[origPayload] = s.payload[0], s.payload[1]
	v[respPayloadMax], v[origPayloadMax] = s.largest[0]-1, s.largest[1]-1
	v[logDuration] = Absent
	if v[packets] > 0 {
		v[logDuration] = logTime(s.first, s.last)
	}
	return v
}

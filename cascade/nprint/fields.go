package nprint

import (
	"encoding/binary"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// fields are one packet's compact fields.
type fields [packetFields]int32

// noFields are those of a packet without any.
var noFields = func() (none fields) {
	for i := range none {
		none[i] = Absent
	}
	return none
}()

// read sets all that the packet's header and record tell. Options are read only
// where wanted; dir and logGap are the flow's to set.
func (v *fields) read(p *flow.Packet, h *header, options bool) {
	*v = noFields
	switch h.version {
	case 4:
		v.readIPv4(h)
	case 6:
		v.readIPv6(h)
	}
	switch h.proto {
	case zeek.TCP:
		v.readTCP(h.tcp(), options)
	case zeek.UDP:
		v.readUDP(h.transport)
	case zeek.ICMP, zeek.ICMPv6:
		v.readICMP(h.transport)
	}
	v.fallBack(ipLen, p.IPLen)
	v.fallBack(ipTTL, int32(p.TTL))
	if h.proto == zeek.TCP || h.proto == Absent {
		v.fallBack(tcpFlags, int32(p.Flags))
		v.fallBack(tcpWindow, p.Window)
	}
	v[payloadLen] = v.payload(h)
	v.fallBack(payloadLen, p.PayloadLen)
}

// longest is the length of the longest IP packet but for jumbograms. It keeps
// sums over a wild record's numbers exact in a float32.
const longest = 65535 + 40

// fallBack takes the record's own value for a field that the header lacks.
func (v *fields) fallBack(field int, own int32) {
	if v[field] == Absent && own >= 0 {
		v[field] = min(own, longest)
	}
}

func (v *fields) readIPv4(h *header) {
	v[ipHL] = int32(h.hl)
	if len(h.ip) >= 2 {
		v[ipTOS] = int32(h.ip[1])
	}
	if len(h.ip) >= 4 {
		v[ipLen] = be16(h.ip[2:])
	}
	if len(h.ip) >= 6 {
		v[ipID0] = oneIf(be16(h.ip[4:]) == 0)
	}
	if len(h.ip) >= 7 {
		v[ipDF] = oneIf(h.ip[6]&0x40 != 0)
	}
	if len(h.ip) >= 9 {
		v[ipTTL] = int32(h.ip[8])
	}
}

func (v *fields) readIPv6(h *header) {
	v[ipHL] = int32(h.hl)
	if len(h.ip) >= 2 {
		v[ipTOS] = be16(h.ip) >> 4 & 0xff
	}
	if len(h.ip) >= 6 {
		v[ipLen] = be16(h.ip[4:]) + 40
	}
	if len(h.ip) >= 8 {
		v[ipTTL] = int32(h.ip[7])
	}
}

func (v *fields) readTCP(t []byte, options bool) {
	if len(t) < 13 {
		return
	}
	hl := int(t[12]>>4) * 4
	v[tcpHL] = int32(hl)
	if len(t) >= 14 {
		v[tcpFlags] = int32(t[13])
	}
	if len(t) >= 16 {
		v[tcpWindow] = be16(t[14:])
	}
	if options && len(t) == hl {
		v.readOptions(t[20:])
	}
}

func (v *fields) readUDP(t []byte) {
	if len(t) >= 6 {
		v[udpLen] = be16(t[4:])
	}
}

func (v *fields) readICMP(t []byte) {
	if len(t) >= 1 {
		v[icmpType] = int32(t[0])
	}
	if len(t) >= 2 {
		v[icmpCode] = int32(t[1])
	}
}

// payload is what the headers say of the bytes behind them, Absent where they
// cannot tell: a fragment's do not, as Zeek reports the whole datagram, and an IP
// length of 0 does not, as the sender's card was to fill it in.
func (v *fields) payload(h *header) int32 {
	var hl int32
	switch h.proto {
	case zeek.TCP:
		hl = v[tcpHL]
	case zeek.UDP, zeek.ICMP, zeek.ICMPv6:
		hl = 8
	default:
		return Absent
	}
	if h.fragment || hl < 0 || v[ipHL] < 0 || v[ipLen] < 0 {
		return Absent
	}
	return max(v[ipLen]-v[ipHL]-hl, Absent)
}

func be16(b []byte) int32 { return int32(binary.BigEndian.Uint16(b)) }

func oneIf(set bool) int32 {
	if set {
		return 1
	}
	return 0
}

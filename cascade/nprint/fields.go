package nprint

import (
	"encoding/binary"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// fields are the compact fields of one packet.
type fields [packetFields]int32

// noFields has all fields absent.
var noFields = func() (none fields) {
	for i := range none {
		none[i] = Absent
	}
	return none
}()

// read sets the fields from the packet's header and record. TCP options are read only if
// options is true. dir and logGap are set elsewhere, because they depend on the flow.
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

// longest is the length of the longest IP packet, jumbograms excepted. With this limit,
// sums stay exact in a float32 even if a record has wrong numbers.
const longest = 65535 + 40

// fallBack sets a field from the record's own number if the header does not have it.
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

// payload is the number of bytes behind the headers, or Absent if they do not say it. Those
// of a fragment do not, because Zeek reports the whole datagram. An IP length of 0 does
// not, because the sender's network card sets the length after the capture.
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

package capture

import (
	"encoding/binary"

	"github.com/serveflow/serveflow/flow/zeek"
)

// transport is what identifies a flow within its hosts, and the length of the transport
// header.
type transport struct {
	srcPort, dstPort uint16
	oneWay           bool // ICMP of a type without an answer: the two directions are two flows
	headerLen        int  // 0 for protocols without ports
}

// parseTransport reads the ports and the header length. As in Zeek, a packet that is cut
// inside the fixed part of its transport header belongs to no flow.
func parseTransport(p *packet) (transport, error) {
	var t transport
	switch p.proto {
	case zeek.TCP:
		t.headerLen = 20
	case zeek.UDP, zeek.ICMP, zeek.ICMPv6:
		t.headerLen = 8
	case protoIGMP, protoNone, protoIPv4, protoIPv6, protoGRE:
		return t, errNoFlow
	case protoESP, protoMobility: // in IPv6 they are extension headers, at which Zeek stops
		if p.src.Is6() {
			return t, errNoFlow
		}
		return t, nil
	default:
		return t, nil
	}
	if p.size < t.headerLen {
		return t, errMalformed
	}
	if len(p.body) < t.headerLen {
		return t, errCutHeader
	}
	switch p.proto {
	case zeek.TCP, zeek.UDP:
		t.srcPort = binary.BigEndian.Uint16(p.body)
		t.dstPort = binary.BigEndian.Uint16(p.body[2:])
	default:
		var answer uint8
		answer, t.oneWay = icmpAnswer(p.proto, p.body[0], p.body[1])
		t.srcPort, t.dstPort = uint16(p.body[0]), uint16(answer)
	}
	return t, nil
}

// icmpAnswer returns the ICMP type that answers a type, so that request and reply are one
// flow. For a type without an answer it returns the code, and oneWay.
func icmpAnswer(proto, kind, code uint8) (answer uint8, oneWay bool) {
	pairs := [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}}
	if proto == zeek.ICMPv6 {
		pairs = [][2]uint8{{128, 129}, {133, 134}, {135, 136}, {130, 131}, {139, 140}, {144, 145}}
	}
	for _, pair := range pairs {
		switch kind {
		case pair[0]:
			return pair[1], false
		case pair[1]:
			return pair[0], false
		}
	}
	return code, true
}

// likelyServer reports whether Zeek takes a port for a server's: it is a well-known port of
// one of its analyzers (likely_server_ports of its default scripts). If the first packet
// leaves doubt, the side that seems to be the server becomes the responder. The ports of
// Spicy analyzers (LDAP, PostgreSQL, Redis) are not among them, because the Zeek that the
// tests compare with was built without them.
func likelyServer(proto uint8, port uint16) bool {
	if proto == zeek.TCP {
		switch port {
		case 21, 22, 25, 53, 79, 80, 81, 88, 135, 139, 143, 443, 445, 465, 502, 514, 563, 585, 587, 614, 631, 636,
			989, 990, 992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3306, 3389, 5222, 5223, 5269,
			6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000:
			return true
		}
		return false
	}
	switch port {
	case 53, 67, 88, 123, 137, 161, 162, 443, 514, 1812, 2123, 2152, 3389, 3544, 4011, 4754, 4789, 5060, 5072,
		5353, 5355, 6081, 20000:
		return true
	}
	return false
}

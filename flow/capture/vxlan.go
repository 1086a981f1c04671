package capture

import "errors"

// errNoTunnel is the error of a payload that cannot be what the port says. As in Zeek, no
// later packet of the connection is taken for it either.
var errNoTunnel = errors.New("not the tunnel that the port says")

// vxlan reads VXLAN: Ethernet in UDP.
func (d *dissector) vxlan(b part, at path) error {
	if len(b.data) < 8 || b.data[0]&0x08 == 0 { // without a network's number
		return errNoTunnel
	}
	return d.ethernet(b.from(8), at)
}

// geneve reads Geneve.
func (d *dissector) geneve(b part, at path) error {
	if len(b.data) < 8 {
		return errNoTunnel
	}
	if b.data[0]>>6 != 0 {
		return errUnknown
	}
	header := 8 + int(b.data[0]&0x3f)*4
	if len(b.data) < header {
		return errNoTunnel
	}
	kind := b.uint16(2)
	switch b = b.from(header); kind {
	case etherBridged:
		return d.ethernet(b, at)
	case etherIPv4, etherIPv6:
		return d.ip(b, at)
	}
	return errUnknown
}

// looksLikeAYIYA reports whether a payload is AYIYA's, on whatever port: a SHA-1
// signature, a shared secret, and a packet to forward.
func looksLikeAYIYA(b []byte) bool { return len(b) >= 3 && b[1] == 0x52 && b[2] == 0x11 }

// ayiya reads AYIYA: IPv6 or IPv4 of a tunnel broker's clients.
func (d *dissector) ayiya(b part, at path) error {
	if len(b.data) < 8 {
		return errNoTunnel
	}
	identity, signature := 1<<(b.data[0]>>4), int(b.data[1]>>4)*4
	header := 8 + identity + signature
	if header > b.wire {
		return errNoTunnel
	}
	const forward = 1
	proto := b.data[3]
	if b.data[2]&15 != forward || proto != protoIPv4 && proto != protoIPv6 {
		return errNotIP
	}
	return d.ip(b.from(header), at)
}

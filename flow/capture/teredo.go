package capture

import "encoding/binary"

// Headers of Teredo, in front of IPv6.
const (
	teredoOrigin = 0 // the address and port that a server saw
	teredoAuth   = 1 // authentication
)

// teredo reads Teredo: IPv6 through NAT.
func (d *dissector) teredo(b part, at path) error {
	b, ok := teredoPacket(b)
	if !ok || len(b.data) < 40 {
		return errNoTunnel
	}
	if length := ipLength(b); length > b.wire {
		return errNoTunnel
	} else if bubble := b.data[6] == protoNone && length == 40; length < b.wire && !bubble {
		return errNoTunnel
	}
	return d.ip(b, at)
}

// teredoPacket skips Teredo's headers: authentication, then origin, each once at most.
func teredoPacket(b part) (part, bool) {
	for next := teredoAuth; len(b.data) >= 2; {
		kind := b.uint16(0)
		switch {
		case kind>>12 == 6:
			return b, true
		case kind == teredoAuth && next == teredoAuth && len(b.data) >= 4:
			b, next = b.from(teredoAuthLength(b.data)), teredoOrigin
		case kind == teredoOrigin && next >= teredoOrigin:
			b, next = b.from(8), -1
		default:
			return b, false
		}
	}
	return b, false
}

// teredoAuthLength is the length of an authentication header: the client's identifier, the
// authentication value, a nonce and a confirmation.
func teredoAuthLength(b []byte) int { return 4 + int(b[2]) + int(b[3]) + 8 + 1 }

// looksLikeTeredo reports whether a payload is Teredo's, on whatever port. It is if it
// begins with an IPv6 header that has an address of Teredo's, or with an origin header and
// IPv6.
func looksLikeTeredo(b []byte) bool {
	if len(b) < 40 || b[0]>>4 != 6 && (b[0] != 0 || b[1] > 1) {
		return false
	}
	const prefix = 0x20010000
	if b[0]>>4 == 6 && (binary.BigEndian.Uint32(b[8:]) == prefix || binary.BigEndian.Uint32(b[24:]) == prefix) {
		return true
	}
	if b[1] == teredoAuth {
		header := teredoAuthLength(b)
		if len(b) < header+40 {
			return false
		}
		b = b[header:]
	}
	return b[0] == 0 && b[1] == teredoOrigin && len(b) >= 48 && b[8]>>4 == 6
}

package capture

import (
	"encoding/binary"
	"net/netip"
)

// parseIPv6 returns the length of the header with its extension headers.
func parseIPv6(b part, p *packet) (int, error) {
	if len(b.data) < 40 {
		return 0, b.short()
	}
	data := b.data
	p.total = 40 + int(binary.BigEndian.Uint16(data[4:]))
	p.ttl, p.proto = data[7], data[6]
	p.src, p.dst = netip.AddrFrom16([16]byte(data[8:])), netip.AddrFrom16([16]byte(data[24:]))
	extensions, ok := p.parseExtensions(data[40:])
	if !ok {
		return 0, b.short()
	}
	return 40 + extensions, nil
}

// parseExtensions reads extension headers and returns their length. Behind a fragment
// header it stops, as what follows may be in another fragment, unless the header says that
// there is no other.
func (p *packet) parseExtensions(data []byte) (length int, ok bool) {
	var finalSet, homeSet bool
	for isExtension(p.proto) {
		if len(data) < length+8 {
			return 0, false
		}
		ext := data[length:]
		kind, size := p.proto, 8+int(ext[1])*8
		switch kind {
		case protoAH:
			size = 8 + int(ext[1])*4
		case protoFragment:
			size = lengthIPv6Fragment
			word := binary.BigEndian.Uint16(ext[2:])
			p.frag = fragment{id: binary.BigEndian.Uint32(ext[4:]), offset: int(word &^ 7), more: word&1 != 0, v6: true}
		case protoRouting:
			if final, found := finalDestination(ext, size); found && !finalSet {
				p.dst, finalSet = final, true
			}
		case protoDstOpts:
			if home, found := homeAddress(ext[:min(size, len(ext))]); found && !homeSet {
				p.src, homeSet = home, true
			}
		}
		p.proto = ext[0]
		length += size
		if p.frag.isFragment() {
			break
		}
	}
	return length, true
}

// isExtension reports whether this is an extension header of IPv6 that is skipped.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopOpts, protoRouting, protoFragment, protoAH, protoDstOpts:
		return true
	}
	return false
}

// finalDestination returns the last address of a routing header of type 0 or 2 that the
// packet has yet to reach. It is the responder's address, as in Zeek: the one in the IP
// header is a stop on the way, or where a mobile node is just now.
func finalDestination(ext []byte, size int) (final netip.Addr, found bool) {
	const mobile = 2 // a header of one address, the mobile node's
	words, kind, left := ext[1], ext[2], ext[3]
	if left == 0 || words < 2 || words%2 != 0 || kind != 0 && (kind != mobile || words != 2) || len(ext) < size {
		return final, false
	}
	return netip.AddrFrom16([16]byte(ext[size-16 : size])), true
}

// homeAddress returns the home address option of a destination options header. It is the
// originator's address, as in Zeek: the one in the IP header is where a mobile node is
// just now.
func homeAddress(ext []byte) (home netip.Addr, found bool) {
	const padding, homeOption = 0, 201
	for opts := ext[2:]; len(opts) > 0; {
		if opts[0] == padding {
			opts = opts[1:]
			continue
		}
		if len(opts) < 2 || len(opts) < 2+int(opts[1]) {
			break
		}
		value := opts[2 : 2+int(opts[1])]
		if opts[0] == homeOption && len(value) == 16 {
			return netip.AddrFrom16([16]byte(value)), true
		}
		opts = opts[2+len(value):]
	}
	return home, false
}

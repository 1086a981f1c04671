package capture

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// IP protocol numbers that decide how a packet is read. Those that a record can have are
// in package zeek.
const (
	protoHopOpts  = 0
	protoIGMP     = 2
	protoIPv4     = 4
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoNone     = 59
	protoDstOpts  = 60
	protoMobility = 135
)

// Why a packet belongs to no flow. Convert counts them.
var (
	errMalformed = errors.New("malformed") // its lengths contradict each other
	errCutHeader = errors.New("cut inside the IP or transport header")
	errNoFlow    = errors.New("a protocol without flows, or a fragment that waits for others")
)

// packet is one IP packet, or one datagram reassembled from fragments.
type packet struct {
	ts       int64 // microseconds since the epoch
	src, dst netip.Addr
	proto    uint8
	ttl      uint8
	header   []byte // IP header, with IPv6 extension headers
	body     []byte // what was captured after it, without link-layer padding
	captured int    // bytes captured after it; more than body holds if fragments were joined
	total    int    // bytes on the wire with the IP header, by its length field; 0 with segmentation offload
	size     int    // bytes on the wire after the IP header

	frag        fragment
	reassembled bool
	frame       []byte // of a reassembled datagram: the IP header of the fragment that came last
	frameFirst  bool   // that fragment has the transport header
}

// fragment is the part of an IP header that is about fragments.
type fragment struct {
	id     uint32
	offset int
	more   bool
}

// isFragment reports whether the packet is not a whole datagram.
func (f fragment) isFragment() bool { return f.more || f.offset > 0 }

// maxPacket is twice the largest packet with segmentation offload. A capture with a larger
// one is damaged.
const maxPacket = 1 << 20

// parseIP reads the IP header at the start of data. wire is the number of bytes on the
// wire from there on, before the capture cut them.
func parseIP(data []byte, wire int, p *packet) error {
	if len(data) < 1 {
		return errCutHeader
	}
	*p = packet{ts: p.ts}
	var headerLen int
	var err error
	switch data[0] >> 4 {
	case 4:
		headerLen, err = parseIPv4(data, p)
	case 6:
		headerLen, err = parseIPv6(data, p)
	default:
		return errNotIP
	}
	if err != nil {
		return err
	}
	total := p.total
	if total == 0 { // with segmentation offload the length is filled in after the capture
		total = wire
	}
	switch {
	case wire < total, headerLen > total, total > maxPacket:
		return errMalformed
	case headerLen > len(data):
		return errCutHeader
	}
	p.size = total - headerLen
	p.header, p.body = data[:headerLen], data[headerLen:min(len(data), total)]
	p.captured = len(p.body)
	return nil
}

// parseIPv4 returns the length of the header.
func parseIPv4(data []byte, p *packet) (int, error) {
	if len(data) < 20 {
		return 0, errCutHeader
	}
	headerLen := int(data[0]&15) * 4
	if headerLen < 20 {
		return 0, errMalformed
	}
	p.total = int(binary.BigEndian.Uint16(data[2:]))
	p.ttl, p.proto = data[8], data[9]
	p.src, p.dst = netip.AddrFrom4([4]byte(data[12:])), netip.AddrFrom4([4]byte(data[16:]))
	flags := binary.BigEndian.Uint16(data[6:])
	p.frag = fragment{
		id:     uint32(binary.BigEndian.Uint16(data[4:])),
		offset: int(flags&0x1fff) * 8,
		more:   flags&0x2000 != 0,
	}
	return headerLen, nil
}

// parseIPv6 returns the length of the header with its extension headers.
func parseIPv6(data []byte, p *packet) (int, error) {
	if len(data) < 40 {
		return 0, errCutHeader
	}
	p.total = 40 + int(binary.BigEndian.Uint16(data[4:]))
	p.ttl, p.proto = data[7], data[6]
	p.src, p.dst = netip.AddrFrom16([16]byte(data[8:])), netip.AddrFrom16([16]byte(data[24:]))
	headerLen := 40
	for isExtension(p.proto) {
		if len(data) < headerLen+8 {
			return 0, errCutHeader
		}
		ext := data[headerLen:]
		size := 8 + int(ext[1])*8
		switch p.proto {
		case protoAH:
			size = 8 + int(ext[1])*4
		case protoFragment:
			size = 8
			word := binary.BigEndian.Uint16(ext[2:])
			p.frag = fragment{id: binary.BigEndian.Uint32(ext[4:]), offset: int(word &^ 7), more: word&1 != 0}
		}
		last := p.proto == protoFragment // the next header may be in another fragment
		p.proto = ext[0]
		headerLen += size
		if last {
			break
		}
	}
	return headerLen, nil
}

// isExtension reports whether this is an extension header of IPv6 that is skipped.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopOpts, protoRouting, protoFragment, protoAH, protoDstOpts:
		return true
	}
	return false
}

// inner returns the IP packet in a tunnel packet: IP in IP, 6in4, GRE. ok is false for
// anything else.
func (p *packet) inner() (data []byte, wire int, ok bool) {
	switch p.proto {
	case protoIPv4, protoIPv6:
		return p.body, p.size, true
	case protoGRE:
		if len(p.body) < 4 {
			return nil, 0, false
		}
		size := 4
		for _, flag := range []byte{0x80, 0x20, 0x10} { // checksum, key, sequence number
			if p.body[0]&flag != 0 {
				size += 4
			}
		}
		kind := binary.BigEndian.Uint16(p.body[2:])
		if kind == 0x6558 { // Ethernet
			at, err := etherOffset(p.body, size+12)
			return p.body[at:], p.size - at, err == nil
		}
		if len(p.body) < size || kind != 0x0800 && kind != 0x86dd {
			return nil, 0, false
		}
		return p.body[size:], p.size - size, true
	}
	return nil, 0, false
}

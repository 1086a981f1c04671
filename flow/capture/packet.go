package capture

import (
	"encoding/binary"
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
	v6     bool // IPv6's header of a fragment is there, which a datagram in one piece may have, too
}

// lengthIPv6Fragment is the length of IPv6's header of a fragment. Zeek does not count it among a
// connection's bytes: it has put the datagram together without it.
const lengthIPv6Fragment = 8

// isFragment reports whether the packet is not a whole datagram.
func (f fragment) isFragment() bool { return f.more || f.offset > 0 }

// maxPacket is twice the largest packet with segmentation offload. A capture with a larger
// one is damaged.
const maxPacket = 1 << 20

// payload is what follows the IP header.
func (p *packet) payload() part { return part{p.body, p.captured, p.size} }

// parseIP reads the IP header that a part begins with.
func parseIP(b part, p *packet) error {
	if len(b.data) < 1 {
		return b.short()
	}
	*p = packet{}
	var headerLen int
	var err error
	switch b.data[0] >> 4 {
	case 4:
		headerLen, err = parseIPv4(b, p)
	case 6:
		headerLen, err = parseIPv6(b, p)
	default:
		return errNotIP
	}
	if err != nil {
		return err
	}
	total := p.total
	if total == 0 { // with segmentation offload the length is filled in after the capture
		total = b.wire
	}
	switch {
	case b.wire < total, headerLen > total, total > maxPacket:
		return errMalformed
	case headerLen > len(b.data):
		return errCutHeader
	}
	p.size = total - headerLen
	p.header, p.body = b.data[:headerLen], b.data[headerLen:min(len(b.data), total)]
	p.captured = min(b.captured, total) - headerLen
	return nil
}

// parseIPv4 returns the length of the header.
func parseIPv4(b part, p *packet) (int, error) {
	data := b.data
	if len(data) < 20 {
		return 0, b.short()
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

package capture

import (
	"encoding/binary"
	"fmt"
)

// linkType is a link type of a capture, a LINKTYPE_ of libpcap.
type linkType uint16

// The link types that can be read. Where libpcap and the BSDs have several numbers for
// one, all are here.
const (
	linkNull       linkType = 0
	linkEthernet   linkType = 1
	linkPPP        linkType = 9
	linkFDDI       linkType = 10
	linkRawBSD     linkType = 12
	linkRawOpenBSD linkType = 14
	linkPPPSerial  linkType = 50
	linkRaw        linkType = 101
	linkWiFi       linkType = 105
	linkLoop       linkType = 108
	linkCooked     linkType = 113
	linkRadiotap   linkType = 127
	linkIPv4       linkType = 228
	linkIPv6       linkType = 229
	linkNFLOG      linkType = 239
	linkCooked2    linkType = 276
	linkNone       linkType = 0xffff // of a packet whose interface the capture does not describe
)

// unknown is the error of a link type that cannot be read.
func (l linkType) unknown() error {
	if l == linkNone {
		return fmt.Errorf("%w: the packets name an interface that no interface description block before them describes: write the capture anew with them, as dumpcap and tcpdump do", ErrLinkType)
	}
	return fmt.Errorf("%w %d: want Ethernet (1), raw IP (101, 228, 229), loopback (0, 108), Linux cooked (113, 276), "+
		"PPP (9, 50), FDDI (10), 802.11 (105, 127) or NFLOG (239)", ErrLinkType, l)
}

// layer returns the method that takes a frame of this type apart; nil if the type is
// unknown.
func (l linkType) layer() func(*dissector, part, path) error {
	switch l {
	case linkNull, linkLoop:
		return (*dissector).loopback
	case linkEthernet:
		return (*dissector).ethernet
	case linkPPP:
		return (*dissector).ppp
	case linkPPPSerial:
		return (*dissector).pppSerial
	case linkFDDI:
		return (*dissector).fddi
	case linkRaw, linkRawBSD, linkRawOpenBSD, linkIPv4, linkIPv6:
		return (*dissector).ip
	case linkWiFi:
		return (*dissector).wifi
	case linkRadiotap:
		return (*dissector).radiotap
	case linkCooked:
		return (*dissector).cooked
	case linkCooked2:
		return (*dissector).cooked2
	case linkNFLOG:
		return (*dissector).nflog
	}
	return nil
}

// cooked reads Linux's cooked header.
func (d *dissector) cooked(b part, at path) error {
	if len(b.data) < 16 {
		return b.short()
	}
	return d.ethertype(b.uint16(14), b.from(16), at)
}

// cooked2 reads the second version of it.
func (d *dissector) cooked2(b part, at path) error {
	if len(b.data) < 20 {
		return b.short()
	}
	return d.ethertype(b.uint16(0), b.from(20), at)
}

// loopback reads the header of the BSDs: an address family in the byte order of the
// capturing machine, or of the network.
func (d *dissector) loopback(b part, at path) error {
	if len(b.data) < 4 {
		return b.short()
	}
	family := binary.LittleEndian.Uint32(b.data)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(b.data)
	}
	switch family {
	case 2, 24, 28, 30: // IPv4; IPv6 on three BSDs
		return d.ip(b.from(4), at)
	}
	return errNotIP
}

// fddi skips the headers of FDDI and of 802.2 with SNAP. As in Zeek, what follows counts
// as IP if it looks so.
func (d *dissector) fddi(b part, at path) error {
	const header = 13 + 8
	if len(b.data) <= header {
		return b.short()
	}
	return d.ip(b.from(header), at)
}

// nflog finds the packet among the attributes of Linux's NFLOG. Their numbers are in the
// byte order of the capturing machine.
func (d *dissector) nflog(b part, at path) error {
	if len(b.data) < 4 {
		return b.short()
	}
	family, version := b.data[0], b.data[1]
	if version != 0 {
		return errUnknown
	}
	const payload = 9
	for b = b.from(4); len(b.data) > 4; {
		size, kind := int(d.frame.order.Uint16(b.data)), d.frame.order.Uint16(b.data[2:])
		if kind == payload {
			if family == 2 || family == 10 { // IPv4, IPv6
				return d.ip(b.from(4), at)
			}
			return errNotIP
		}
		if size = (size + 3) &^ 3; size < 4 || size > len(b.data) {
			break
		}
		b = b.from(size)
	}
	return b.short()
}

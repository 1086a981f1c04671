package capture

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gopacket/gopacket/layers"
)

// errNotIP is the error of frames without an IP packet: ARP, spanning tree ...
var errNotIP = errors.New("not IP")

// networkOffset returns where the IP header of a frame begins. The error is errNotIP, or
// wraps ErrLinkType if the link type is unknown, whatever the frame.
func networkOffset(link layers.LinkType, data []byte) (int, error) {
	switch link {
	case layers.LinkTypeEthernet:
		return etherOffset(data, 12)
	case layers.LinkTypeLinuxSLL:
		return etherOffset(data, 14)
	case layers.LinkTypeLinuxSLL2:
		if len(data) < 20 {
			return 0, errNotIP
		}
		return payloadOffset(data, binary.BigEndian.Uint16(data), 20)
	case layers.LinkTypeRaw, 12, 14, layers.LinkTypeIPv4, layers.LinkTypeIPv6: // 12 and 14: DLT_RAW of BSDs
		return 0, nil
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		return nullOffset(data)
	}
	return 0, fmt.Errorf("%w %d: want Ethernet (1), raw IP (101, 228, 229), loopback (0, 108) or Linux cooked (113, 276)", ErrLinkType, link)
}

// etherOffset does so from an ethertype at data[at:].
func etherOffset(data []byte, at int) (int, error) {
	if len(data) < at+2 {
		return 0, errNotIP
	}
	return payloadOffset(data, binary.BigEndian.Uint16(data[at:]), at+2)
}

// payloadOffset skips VLAN tags, MPLS labels and PPPoE.
func payloadOffset(data []byte, ethertype uint16, at int) (int, error) {
	switch ethertype {
	case 0x0800, 0x86dd:
		return at, nil
	case 0x8100, 0x88a8, 0x9100: // VLAN; there may be several
		return etherOffset(data, at+2)
	case 0x8847, 0x8848:
		return mplsOffset(data, at)
	case 0x8864:
		return pppOffset(data, at+6)
	}
	return 0, errNotIP
}

// mplsOffset skips the labels. MPLS does not say what it carries, so the caller checks the
// IP version.
func mplsOffset(data []byte, at int) (int, error) {
	for ; len(data) >= at+4; at += 4 {
		if bottom := data[at+2]&1 != 0; bottom {
			return at + 4, nil
		}
	}
	return 0, errNotIP
}

// pppOffset skips the protocol field of PPP.
func pppOffset(data []byte, at int) (int, error) {
	if len(data) >= at+2 {
		switch binary.BigEndian.Uint16(data[at:]) {
		case 0x0021, 0x0057: // IPv4, IPv6
			return at + 2, nil
		}
	}
	return 0, errNotIP
}

// nullOffset reads BSD loopback: an address family in the byte order of the capturing
// machine, or of the network.
func nullOffset(data []byte) (int, error) {
	if len(data) < 4 {
		return 0, errNotIP
	}
	family := binary.LittleEndian.Uint32(data)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(data)
	}
	switch family {
	case 2, 24, 28, 30: // IPv4; IPv6 on three BSDs
		return 4, nil
	}
	return 0, errNotIP
}

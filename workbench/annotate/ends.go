package annotate

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/serveflow/serveflow/flow/zeek"
)

// ends is a 5-tuple without direction. ICMP has no ports: what Zeek writes in their place, types
// and codes, other programs write otherwise or not at all.
type ends struct {
	low, high         [16]byte // the addresses, IPv4 as IPv6; the lower side first
	lowPort, highPort uint16
	proto             uint8
}

// endsOf gives the 5-tuple of two sides, and whether the first of them is the higher one.
func endsOf(a, b netip.AddrPort, proto uint8) (e ends, swapped bool) {
	e = ends{low: a.Addr().As16(), high: b.Addr().As16(), lowPort: a.Port(), highPort: b.Port(), proto: proto}
	if proto == zeek.ICMPv6 {
		e.proto = zeek.ICMP
	}
	if e.proto == zeek.ICMP {
		e.lowPort, e.highPort = 0, 0
	}
	if c := cmp.Or(bytes.Compare(e.low[:], e.high[:]), cmp.Compare(e.lowPort, e.highPort)); c > 0 {
		e.low, e.high, e.lowPort, e.highPort, swapped = e.high, e.low, e.highPort, e.lowPort, true
	}
	return e, swapped
}

func compareEnds(a, b ends) int {
	return cmp.Or(bytes.Compare(a.low[:], b.low[:]), bytes.Compare(a.high[:], b.high[:]),
		cmp.Compare(a.lowPort, b.lowPort), cmp.Compare(a.highPort, b.highPort), cmp.Compare(a.proto, b.proto))
}

// protocols are the names of IP protocols, as the sources write them in lower case.
var protocols = map[string]uint8{
	"icmp": zeek.ICMP, "icmp6": zeek.ICMP, "icmpv6": zeek.ICMP, "ipv6-icmp": zeek.ICMP,
	"igmp": 2, "tcp": zeek.TCP, "udp": zeek.UDP, "gre": 47, "esp": 50, "sctp": 132, "unknown_transport": 0,
}

// protocol reads the name or the number of an IP protocol.
func protocol(text string) (uint8, error) {
	if proto, ok := protocols[strings.ToLower(text)]; ok {
		return proto, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q is no IP protocol: write tcp, udp, icmp or its number", text)
	}
	return uint8(n), nil
}

// protocolName is how Zeek names a protocol; its number, where it has no name for it.
func protocolName(proto uint8) string {
	switch proto {
	case zeek.TCP:
		return "tcp"
	case zeek.UDP:
		return "udp"
	case zeek.ICMP:
		return "icmp"
	case 0:
		return "unknown_transport"
	}
	return strconv.Itoa(int(proto))
}

// tuple is a 5-tuple as a source writes it.
type tuple struct {
	Host, Port           string // of the one side; the port is empty for ICMP
	OtherHost, OtherPort string // of the other
	Proto                string
}

// ends reads the tuple. The error names what is wrong in it.
func (t tuple) ends() (ends, error) {
	proto, err := protocol(t.Proto)
	if err != nil {
		return ends{}, err
	}
	one, err := side(t.Host, t.Port)
	if err != nil {
		return ends{}, err
	}
	other, err := side(t.OtherHost, t.OtherPort)
	if err != nil {
		return ends{}, err
	}
	e, _ := endsOf(one, other, proto)
	return e, nil
}

func side(host, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no IP address", host)
	}
	var number uint64
	if port != "" {
		if number, err = strconv.ParseUint(port, 10, 16); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%q is no port from 0 to 65535", port)
		}
	}
	return netip.AddrPortFrom(addr, uint16(number)), nil
}

package capture

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

func addr4(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, last}) }

// ipPacket is an IPv4 packet from 192.0.2.1 to 192.0.2.2 of a protocol, as hexadecimal.
func ipPacket(t *testing.T, proto uint8, body string) string {
	t.Helper()
	return fmt.Sprintf("4500 %s 0001 0000 40 %02x 0000 c0000201 c0000202", hexOf(20+len(unhex(t, body))), proto) + body
}

// ip6Packet is the same in IPv6, from 2001:db8::1 to 2001:db8::2.
func ip6Packet(t *testing.T, proto uint8, body string) string {
	t.Helper()
	return fmt.Sprintf("60000000 %s %02x 40", hexOf(len(unhex(t, body))), proto) +
		"20010db8000000000000000000000001 20010db8000000000000000000000002" + body
}

func TestTunnels(t *testing.T) {
	const (
		unknown = "1 of an unknown link type or encapsulation"
		notIP   = "1 not IP"
		gre     = protoGRE
		aruba   = "0801 0000 020000000001 020000000002 020000000003 0000 aaaa03 000000 0800"
	)
	for _, tt := range []struct {
		name       string
		proto      uint8
		body, want string
	}{
		{"ip in ip", protoIPv4, inner4, found4},
		{"6in4", protoIPv6, inner6, found6},
		{"of the wrong version", protoIPv4, inner6, notIP},
		{"with bytes behind it", protoIPv4, inner4 + "0000", "1 malformed"},
		{"shorter than its header says", protoIPv4, inner4[:len(inner4)-5], "1 malformed"},
		{"gre", gre, "0000 0800" + inner4, found4},
		{"gre v6", gre, "0000 86dd" + inner6, found6},
		{"gre with a key", gre, "2000 0800 00000007" + inner4, found4},
		{"gre with checksum, key and number", gre, "b000 0800 00000000 00000007 00000001" + inner4, found4},
		{"gre with ethernet", gre, "0000 6558" + macs + "0800" + inner4, found4},
		{"gre with ethernet and a vlan", gre, "0000 6558" + macs + "8100 0005 86dd" + inner6, found6},
		{"gre with mpls", gre, "0000 8847 00002140" + inner4, found4},
		{"gre of a kind that is no ethertype, with IP", gre, "0000 1234" + inner4, found4},
		{"gre of arp", gre, "0000 0806 0001 0800", notIP},
		{"gre of ppp, version 0", gre, "0000 880b" + inner4, notIP},
		{"gre of something else", gre, "0000 1234 0102 0304", unknown},
		{"gre with routing", gre, "4000 0800 00000000" + inner4, unknown},
		{"gre with reserved flags", gre, "0008 0800" + inner4, unknown},
		{"gre version 2", gre, "0002 0800" + inner4, unknown},
		{"gre too short", gre, "0000", "1 malformed"},
		{"gre of nothing", gre, "0000 0800", "1 malformed"},
		{"pptp", gre, "3001 880b 0020 0007 00000001 ff03 0021" + inner4, found4},
		{"pptp with an acknowledgement", gre, "3081 880b 0040 0007 00000001 00000001 ff03 0057" + inner6, found6},
		{"pptp, acknowledgement alone", gre, "2081 880b 0000 0007 00000001", "1 malformed"},
		{"pptp control", gre, "3001 880b 0006 0007 00000001 ff03 c021 0900", notIP},
		{"pptp of something else", gre, "3001 0800 0020 0007 00000001" + inner4, unknown},
		{"erspan I", gre, "0000 88be" + macs + "0800" + inner4, found4},
		{"erspan II", gre, "1000 88be 00000001 1005 0064 00000000" + macs + "8100 0005 0800" + inner4, found4},
		{"erspan III", gre, "1000 22eb 00000001 2005 0064 00000000 0000 0000" + macs + "0800" + inner4, found4},
		{"erspan III with its platform", gre, "1000 22eb 00000001 2005 0064 00000000 0000 0001 00000000 00000000" + macs + "0800" + inner4, found4},
		{"erspan III too short", gre, "1000 22eb 00000001 2005", "1 malformed"},
		{"aruba", gre, "0000 8200" + aruba + inner4, found4},
		{"aruba, another", gre, "0000 8370" + aruba + inner4, found4},
		{"aruba, a third", gre, "0000 9000" + aruba + inner4, found4},
	} {
		for _, outer := range []string{ipPacket(t, tt.proto, tt.body), ip6Packet(t, tt.proto, tt.body)} {
			if got := found(t, 101, outer); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
	}
}

// A packet may be in maxTunnels tunnels.
func TestTunnelsInTunnels(t *testing.T) {
	deep := inner4
	for n := 1; n <= maxTunnels+1; n++ {
		if n%2 == 0 {
			deep = ipPacket(t, protoIPv4, deep)
		} else {
			deep = ipPacket(t, protoGRE, "0000 0800"+deep)
		}
		want := found4
		if n > maxTunnels {
			want = "1 of an unknown link type or encapsulation"
		}
		if got := found(t, 101, deep); got != want {
			t.Errorf("%d tunnels: %s, want %s", n, got, want)
		}
	}
}

// Where the capture cut the payload, tunnels are opened all the same.
func TestTunnelsInCutPackets(t *testing.T) {
	long := "4500 0064 0001 0000 4011 0000 0a000001 0a000002 1388 1389 0050 0000" + strings.Repeat("00", 72)
	for _, body := range []string{
		ipPacket(t, protoIPv4, long), ipPacket(t, protoGRE, "0000 0800"+long), ipPacket(t, protoGRE, "0000 6558"+macs+"0800"+long),
		ipPacket(t, protoGRE, "3001 880b 0068 0007 00000001 ff03 0021"+long),
	} {
		f := newCapture(t)
		f.snap = len(unhex(t, body)) - 70
		f.raw(0, unhex(t, body))
		if lines, stats := f.convert(Options{}); strings.Join(lines, "; ") != found4 {
			t.Errorf("%q %s: %s", lines, stats.LeftOut, body)
		}
	}
}

// A tunnel packet that came in fragments is opened. What is in it counts as captured, though
// only its headers are kept.
func TestTunnelInFragments(t *testing.T) {
	f := newCapture(t)
	ping := ipBytes(t, addr4(1), addr4(2), layers.IPProtocolICMPv4,
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, payload(1000))
	for _, part := range pieces(unhex(t, ipPacket(t, protoGRE, "0000 0800"+hex.EncodeToString(ping))), 9, 400) {
		f.raw(0, part)
	}
	f.expect("A 1 10.0.0.1 8 > 0\nA end OTH  sent=1")
	f = newCapture(t)
	for _, part := range pieces(unhex(t, ipPacket(t, protoGRE, "0000 6558"+macs+"0800"+inner4)), 9, 16) {
		f.raw(0, part)
	}
	lines, stats := f.convert(Options{})
	if got := strings.Join(lines, "; "); got != found4 || stats.LeftOut.String() != "2 in a fragment before the last" {
		t.Errorf("%s %s", got, stats.LeftOut)
	}
}

// A connection that comes through ever other tunnels has an X in its history, as in Zeek;
// the direction makes no other tunnel.
func TestTunnelChanges(t *testing.T) {
	play := func(n int, outer func(i int) string) string {
		f := newCapture(t)
		for i := range n {
			f.raw(float64(i), unhex(t, outer(i)))
		}
		lines, _ := f.convert(Options{})
		return lines[len(lines)-1]
	}
	inIP := func(dst byte) string {
		return strings.Replace(ipPacket(t, protoIPv4, inner4), "c0000202", fmt.Sprintf("c00002%02x", dst), 1)
	}
	turned := func(i int) string {
		if i%2 == 0 {
			return ipPacket(t, protoIPv4, inner4)
		}
		return strings.Replace(ipPacket(t, protoIPv4, inner4), "c0000201 c0000202", "c0000202 c0000201", 1)
	}
	for _, tt := range []struct {
		name  string
		n     int
		outer func(i int) string
		want  string
	}{
		{"one tunnel", 9, func(int) string { return inIP(2) }, "A end S0 D sent=9"},
		{"in both directions", 9, turned, "A end S0 D sent=9"},
		{"five changes", 6, func(i int) string { return inIP(byte(i)) }, "A end S0 D sent=6"},
		{"six changes", 7, func(i int) string { return inIP(byte(i)) }, "A end S0 DX sent=7"},
		{"in a tunnel and without, six times", 7, func(i int) string { return []string{inIP(2), inner4}[i%2] }, "A end S0 DX sent=7"},
	} {
		if got := play(tt.n, tt.outer); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

package capture

import (
	"fmt"
	"strings"
	"testing"
)

// udpPacket is a UDP packet over IPv4 to a port, as hexadecimal.
func udpPacket(t *testing.T, port int, body string) string {
	t.Helper()
	return ipPacket(t, 17, fmt.Sprintf("9c40 %04x %s 0000", port, hexOf(8+len(unhex(t, body))))+body)
}

// Each tunnel over UDP has a flow of its own, and so has what is in it.
func TestUDPTunnels(t *testing.T) {
	const (
		teredoIP = "60000000 0008 11 40 20010000000000000000000000000001 fd000000000000000000000000000002 1388 1389 0008 0000"
		foundT   = "B 1 2001::1 5000 > 5001"
		origin   = "0000 1234 01020304"
		auth     = "0001 02 03 aabb ccddee 0102030405060708 00"
		bubble   = "60000000 0000 3b 40 20010000000000000000000000000001 fd000000000000000000000000000002"
		ayiya    = "44 52 11 29 00000000" + "00000000000000000000000000000001" + "0000000000000000000000000000000000000000"
		ayiya4   = "44 52 11 04 00000000" + "00000000000000000000000000000001" + "0000000000000000000000000000000000000000"
	)
	inB := func(found string) string { return "B 1 " + strings.TrimPrefix(strings.Split(found, ";")[0], "A 1 ") }
	for _, tt := range []struct {
		name string
		port int
		body string
		want string // the record of the packet in the tunnel; empty if there is none
	}{
		{"vxlan", 4789, "08000000 00007b00" + macs + "0800" + inner4, inB(found4)},
		{"vxlan of a vlan", 4789, "08000000 00007b00" + macs + "8100 0005 86dd" + inner6, inB(found6)},
		{"vxlan of arp", 4789, "08000000 00007b00" + macs + "0806 0001", ""},
		{"vxlan without a network", 4789, "00000000 00007b00" + macs + "0800" + inner4, ""},
		{"vxlan too short", 4789, "08000000", ""},
		{"vxlan on another port", 4790, "08000000 00007b00" + macs + "0800" + inner4, ""},
		{"geneve", 6081, "0000 6558 00007b00" + macs + "0800" + inner4, inB(found4)},
		{"geneve with options", 6081, "0200 6558 00007b00 0102030405060708" + macs + "0800" + inner4, inB(found4)},
		{"geneve of IP", 6081, "0000 0800 00007b00" + inner4, inB(found4)},
		{"geneve of IPv6", 6081, "0000 86dd 00007b00" + inner6, inB(found6)},
		{"geneve of something else", 6081, "0000 1234 00007b00" + inner4, ""},
		{"geneve version 1", 6081, "4000 0800 00007b00" + inner4, ""},
		{"geneve too short for its options", 6081, "3f00 0800 00007b00" + inner4, ""},
		{"teredo", 3544, inner6, inB(found6)},
		{"teredo with origin", 3544, origin + inner6, inB(found6)},
		{"teredo with authentication", 3544, auth + inner6, inB(found6)},
		{"teredo with both", 3544, auth + origin + inner6, inB(found6)},
		{"teredo with both the wrong way round", 3544, origin + auth + inner6, ""},
		{"teredo with origin twice", 3544, origin + origin + inner6, ""},
		{"teredo bubble", 3544, bubble, ""},
		{"teredo with bytes behind it", 3544, inner6 + "00", ""},
		{"teredo, shorter than it says", 3544, inner6[:len(inner6)-5], ""},
		{"teredo of IPv4", 3544, inner4, ""},
		{"teredo's address on another port", 3545, teredoIP, foundT},
		{"teredo with origin on another port", 3545, origin + inner6, inB(found6)},
		{"teredo with both on another port", 3545, auth + origin + inner6, inB(found6)},
		{"teredo with authentication on another port", 3545, auth + inner6, ""},
		{"IPv6 on another port", 3545, inner6, ""},
		{"ayiya", 5072, ayiya + inner6, inB(found6)},
		{"ayiya of IPv4", 5072, ayiya4 + inner4, inB(found4)},
		{"ayiya on another port", 5073, ayiya + inner6, inB(found6)},
		{"ayiya that is no packet", 5072, strings.Replace(ayiya, "11", "12", 1) + inner6, ""},
		{"ayiya too short", 5072, ayiya[:20], ""},
		{"gtp", 2152, "30 ff 001c 00000001" + inner4, inB(found4)},
		{"gtp of IPv6", 2152, "30 ff 0030 00000001" + inner6, inB(found6)},
		{"gtp with a number", 2152, "32 ff 0020 00000001 0007 00 00" + inner4, inB(found4)},
		{"gtp with an N-PDU number", 2152, "31 ff 0020 00000001 0000 07 00" + inner4, inB(found4)},
		{"gtp with extensions", 2152, "36 ff 002c 00000001 0007 00 85 01 0000 c0 02 010203040506 00" + inner4, inB(found4)},
		{"gtp on its control port", 2123, "30 ff 001c 00000001" + inner4, inB(found4)},
		{"gtp control", 2123, "32 10 0004 00000000 0001 0000", ""},
		{"gtp version 2", 2123, "48 ff 001c 00000001" + inner4, ""},
		{"gtp prime", 2152, "20 ff 001c 00000001" + inner4, ""},
		{"gtp with bytes behind it", 2152, "30 ff 001d 00000001" + inner4 + "00", ""},
		{"gtp with an extension of no length", 2152, "34 ff 0020 00000001 0000 00 85 00" + inner4, ""},
		{"gre over udp", 4754, "0000 0800" + inner4, inB(found4)},
		{"gre over udp with ethernet", 4754, "0000 6558" + macs + "0800" + inner4, inB(found4)},
		{"gre over udp of something else", 4754, "0000 1234 0102", ""},
	} {
		outer := fmt.Sprintf("A 1 192.0.2.1 40000 > %d", tt.port)
		f := newCapture(t)
		f.raw(0, unhex(t, udpPacket(t, tt.port, tt.body)))
		lines, stats := f.convert(Options{})
		var got string
		if len(lines) == 4 {
			got = lines[1]
		}
		if lines[0] != outer || got != tt.want || stats.LeftOut.Total() != 0 || stats.Packets != 1 {
			t.Errorf("%s: %q %s, want %s", tt.name, lines, stats.LeftOut, tt.want)
		}
	}
}

// The port of another protocol says nothing.
func TestTCPIsNoTunnel(t *testing.T) {
	body := "08000000 00007b00" + macs + "0800" + inner4
	tcp := ipPacket(t, 6, "9c40 12b5 00000001 00000001 5010 1000 0000 0000"+body)
	if got := found(t, 101, tcp); got != "A 1 192.0.2.1 40000 > 4789; A end OTH D sent=1" {
		t.Error(got)
	}
}

// The responder's port decides, whichever side sends.
func TestUDPTunnelOfTheAnswer(t *testing.T) {
	f := newCapture(t)
	back := strings.Replace(udpPacket(t, 4789, "08000000 00007b00"+macs+"0800"+inner4), "9c40 12b5", "12b5 9c40", 1)
	f.raw(0, unhex(t, back))
	f.expect(`
		A 1 192.0.2.2 40000 < 4789
		B 1 10.0.0.1 5000 > 5001
		A end SHR ^d sent=1
		B end S0 D sent=1`)
}

// A payload that cannot be what the port says ends the search in this connection, as in
// Zeek, except for GTP.
func TestNotTheTunnelThatThePortSays(t *testing.T) {
	for port, bodies := range map[int][2]string{
		4789: {"00000000 00007b00" + macs + "0800" + inner4, "08000000 00007b00" + macs + "0800" + inner4},
		6081: {"0000", "0000 0800 00007b00" + inner4},
		3544: {"7000", inner6},
		5072: {"44", "04 02 11 04 00000000 00" + inner4},
		2152: {"40", "30 ff 001c 00000001" + inner4},
	} {
		f := newCapture(t)
		f.raw(0, unhex(t, udpPacket(t, port, bodies[0])))
		f.raw(1, unhex(t, udpPacket(t, port, bodies[1])))
		lines, _ := f.convert(Options{})
		want := 3 // two packets and the end of the connection
		if port == 2152 {
			want += 2 // the flow in the tunnel
		}
		if len(lines) != want {
			t.Errorf("port %d: %q", port, lines)
		}
	}
}

// Tunnels in tunnels over UDP are opened up to the bound. Then the history of the
// connection says that there was more.
func TestUDPTunnelsInTunnels(t *testing.T) {
	deep := inner4
	for range maxTunnels + 1 {
		deep = udpPacket(t, 4789, "08000000 00007b00"+macs+"0800"+deep)
		deep = strings.Replace(deep, "9c40", fmt.Sprintf("%04x", len(deep)), 1) // flows of their own
	}
	f := newCapture(t)
	f.raw(0, unhex(t, deep))
	lines, stats := f.convert(Options{})
	if len(lines) != 2*(maxTunnels+1) || !strings.Contains(lines[len(lines)-1], " DX ") || stats.Records != maxTunnels+1 {
		t.Errorf("%q", lines)
	}
}

// GTP in GTP is none.
func TestGTPInGTP(t *testing.T) {
	inner := udpPacket(t, 2152, "30 ff 001c 00000001"+inner4)
	f := newCapture(t)
	f.raw(0, unhex(t, strings.Replace(udpPacket(t, 2152, "30 ff 0038 00000001"+inner), "c0000201", "c0000209", 1)))
	if lines, _ := f.convert(Options{}); len(lines) != 4 || !strings.HasPrefix(lines[1], "B 1 192.0.2.1 40000 > 2152") {
		t.Errorf("%q", lines)
	}
}

// Where the capture cut the payload, tunnels over UDP are opened all the same.
func TestUDPTunnelsInCutPackets(t *testing.T) {
	long := "4500 0064 0001 0000 4011 0000 0a000001 0a000002 1388 1389 0050 0000" + strings.Repeat("00", 72)
	for port, body := range map[int]string{4789: "08000000 00007b00" + macs + "0800" + long, 2152: "30 ff 0064 00000001" + long,
		4754: "0000 0800" + long, 6081: "0000 6558 00007b00" + macs + "0800" + long} {
		f := newCapture(t)
		packet := unhex(t, udpPacket(t, port, body))
		f.snap = len(packet) - 70
		f.raw(0, packet)
		if lines, stats := f.convert(Options{}); len(lines) != 4 || !strings.HasPrefix(lines[1], "B 1 10.0.0.1") {
			t.Errorf("port %d: %q %s", port, lines, stats.LeftOut)
		}
	}
}

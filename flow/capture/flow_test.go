package capture

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

const (
	client = "192.0.2.1:40000"
	web    = "198.51.100.9:80"
	other  = "198.51.100.9:7777"
)

// handshake adds the three packets of a TCP handshake.
func (f *testCapture) handshake(at float64, from, to string) {
	f.tcp(at, from, to, "S", 100, 0, 0)
	f.tcp(at+.1, to, from, "SA", 900, 101, 0)
	f.tcp(at+.2, from, to, "A", 101, 901, 0)
}

// Each capture is a rule of Zeek about where a flow ends and the next begins.
func TestFlowBoundaries(t *testing.T) {
	for name, play := range map[string]func(f *testCapture){
		"udp one minute": func(f *testCapture) {
			f.udp(0, client, other, 5)
			f.udp(59.9, other, client, 5)
			f.udp(119.8, client, other, 5)
			f.udp(179.9, client, other, 5)
			f.expect(`
				A 1 192.0.2.1 40000 > 7777
				A 2 192.0.2.1 40000 < 7777
				A 3 192.0.2.1 40000 > 7777
				A end SF Dd sent=3
				B 1 192.0.2.1 40000 > 7777
				B end S0 D sent=1`)
		},
		"dns ten seconds": func(f *testCapture) {
			f.udp(0, client, "198.51.100.9:53", 30)
			f.udp(.1, "198.51.100.9:53", client, 60)
			f.udp(10.2, client, "198.51.100.9:53", 30)
			f.expect(`
				A 1 192.0.2.1 40000 > 53
				A 2 192.0.2.1 40000 < 53
				A end SF Dd sent=2
				B 1 192.0.2.1 40000 > 53
				B end S0 D sent=1`)
		},
		"syn without an answer, five seconds": func(f *testCapture) {
			f.tcp(0, client, web, "S", 100, 0, 0)
			f.tcp(3, client, web, "S", 100, 0, 0)
			f.tcp(5.1, client, web, "S", 100, 0, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 > 80
				A end S0 S sent=2
				B 1 192.0.2.1 40000 > 80
				B end S0 S sent=1`)
		},
		"tcp five minutes": func(f *testCapture) {
			f.handshake(0, client, other)
			f.tcp(299, client, other, "PA", 101, 901, 10)
			f.tcp(600, other, client, "A", 901, 111, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 7777
				A 2 192.0.2.1 40000 < 7777
				A 3 192.0.2.1 40000 > 7777
				A 4 192.0.2.1 40000 > 7777
				A end S1 ShAD sent=4
				B 1 198.51.100.9 7777 > 40000
				B end OTH A sent=1`)
		},
		"login services an hour": func(f *testCapture) {
			f.handshake(0, client, "198.51.100.9:22")
			f.tcp(3500, client, "198.51.100.9:22", "PA", 101, 901, 10)
			f.expect(`
				A 1 192.0.2.1 40000 > 22
				A 2 192.0.2.1 40000 < 22
				A 3 192.0.2.1 40000 > 22
				A 4 192.0.2.1 40000 > 22
				A end S1 ShAD sent=4`)
		},
		"five seconds after both have closed": func(f *testCapture) {
			f.handshake(0, client, web)
			f.tcp(1, client, web, "FA", 101, 901, 0)
			f.tcp(1.1, web, client, "FA", 901, 102, 0)
			f.tcp(6, client, web, "A", 102, 902, 0)
			f.tcp(6.2, client, web, "A", 102, 902, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 < 80
				A 3 192.0.2.1 40000 > 80
				A 4 192.0.2.1 40000 > 80
				A 5 192.0.2.1 40000 < 80
				A 6 192.0.2.1 40000 > 80
				A end SF ShAFf sent=6
				B 1 192.0.2.1 40000 > 80
				B end OTH A sent=1`)
		},
		"five seconds after a reset": func(f *testCapture) {
			f.handshake(0, client, web)
			f.tcp(1, web, client, "RA", 901, 101, 0)
			f.tcp(6.1, client, web, "A", 101, 901, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 < 80
				A 3 192.0.2.1 40000 > 80
				A 4 192.0.2.1 40000 < 80
				A end RSTR ShAr sent=4
				B 1 192.0.2.1 40000 > 80
				B end OTH A sent=1`)
		},
		"half closed: five minutes": func(f *testCapture) {
			f.handshake(0, client, web)
			f.tcp(1, client, web, "FA", 101, 901, 0)
			f.tcp(200, web, client, "PA", 901, 102, 10)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 < 80
				A 3 192.0.2.1 40000 > 80
				A 4 192.0.2.1 40000 > 80
				A 5 192.0.2.1 40000 < 80
				A end S2 ShAFd sent=5`)
		},
		"a closed port pair used again": func(f *testCapture) {
			f.handshake(0, client, web)
			f.tcp(1, client, web, "FA", 101, 901, 0)
			f.tcp(1.1, web, client, "FA", 901, 102, 0)
			f.tcp(2, client, web, "S", 5000, 0, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 < 80
				A 3 192.0.2.1 40000 > 80
				A 4 192.0.2.1 40000 > 80
				A 5 192.0.2.1 40000 < 80
				A end SF ShAFf sent=5
				B 1 192.0.2.1 40000 > 80
				B end S0 S sent=1`)
		},
		"the same syn once more is no new flow": func(f *testCapture) {
			f.handshake(0, client, web)
			f.tcp(1, client, web, "S", 100, 0, 0)
			f.expect(`
				A 1 192.0.2.1 40000 > 80
				A 2 192.0.2.1 40000 < 80
				A 3 192.0.2.1 40000 > 80
				A 4 192.0.2.1 40000 > 80
				A end S1 ShA sent=4`)
		},
	} {
		t.Run(name, func(t *testing.T) { play(newCapture(t)) })
	}
}

// Each capture is a rule of Zeek about who the originator is.
func TestOriginator(t *testing.T) {
	for name, play := range map[string]func(f *testCapture){
		"udp from a server's port": func(f *testCapture) {
			f.udp(0, "198.51.100.9:53", client, 30)
			f.udp(1, client, "198.51.100.9:53", 30)
			f.expect("A 1 192.0.2.1 40000 < 53\nA 2 192.0.2.1 40000 > 53\nA end SF ^dD sent=2")
		},
		"udp between servers' ports": func(f *testCapture) {
			f.udp(0, "198.51.100.9:123", "192.0.2.1:123", 30)
			f.expect("A 1 198.51.100.9 123 > 123\nA end S0 D sent=1")
		},
		"never towards a broadcast": func(f *testCapture) {
			f.udp(0, "198.51.100.9:67", "255.255.255.255:68", 300)
			f.expect("A 1 198.51.100.9 67 > 68\nA end S0 D sent=1")
		},
		"from the middle, by the server": func(f *testCapture) {
			f.tcp(0, web, client, "PA", 900, 100, 10)
			f.tcp(1, client, web, "A", 100, 910, 0)
			f.expect("A 1 192.0.2.1 40000 < 80\nA 2 192.0.2.1 40000 > 80\nA end OTH ^dA sent=2")
		},
		"a syn-ack first, no server's port": func(f *testCapture) {
			f.tcp(0, other, client, "SA", 900, 101, 0)
			f.tcp(1, client, other, "A", 101, 901, 0)
			f.expect("A 1 198.51.100.9 7777 > 40000\nA 2 192.0.2.1 40000 > 7777\nA end OTH ^hA sent=2")
		},
		"a scan by syn-ack stays": func(f *testCapture) {
			f.tcp(0, other, client, "SA", 900, 101, 0)
			f.tcp(1, client, other, "R", 101, 0, 0)
			f.expect("A 1 198.51.100.9 7777 > 40000\nA 2 198.51.100.9 7777 < 40000\nA end REJ Hr sent=2")
		},
		"syn behind its syn-ack": func(f *testCapture) {
			f.tcp(0, other, client, "SA", 900, 101, 0)
			f.tcp(.1, client, other, "S", 100, 0, 0)
			f.expect("A 1 198.51.100.9 7777 > 40000\nA 2 192.0.2.1 40000 > 7777\nA end S1 Hs^ sent=2")
		},
	} {
		t.Run(name, func(t *testing.T) { play(newCapture(t)) })
	}
}

func TestICMP(t *testing.T) {
	f := newCapture(t)
	f.icmp(0, "192.0.2.1", "192.0.2.2", 8, 0, 20)
	f.icmp(1, "192.0.2.2", "192.0.2.1", 0, 0, 20)
	f.icmp(2, "192.0.2.2", "192.0.2.1", 3, 1, 20) // has no answer
	f.icmp(3, "192.0.2.1", "192.0.2.2", 3, 1, 20) // so this is another flow
	f.ip(4, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), layers.IPProtocol(132), payload(12))
	f.ip(5, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), layers.IPProtocolESP, payload(12))
	f.expect(`
		A 1 192.0.2.1 8 > 0
		A 2 192.0.2.1 8 < 0
		B 1 192.0.2.2 3 > 1
		C 1 192.0.2.1 3 > 1
		D 1 192.0.2.1 0 > 0
		E 1 192.0.2.1 0 > 0
		A end OTH  sent=2
		B end OTH  sent=1
		C end OTH  sent=1
		D end OTH  sent=1
		E end OTH  sent=1`)
}

// Zeek has a flow for every protocol over IPv4 but IGMP and "no next header". In IPv6 it
// stops at ESP and at mobility headers.
func TestProtocolsWithoutPorts(t *testing.T) {
	const none = "1 of a protocol without flows"
	for proto, want := range map[uint8][2]string{
		protoIGMP:     {none, none},
		protoESP:      {"A 1 192.0.2.1 0 > 0; A end OTH  sent=1", none},
		protoAH:       {"A 1 192.0.2.1 0 > 0; A end OTH  sent=1", none}, // in IPv6 with "no next header" in it
		protoNone:     {none, none},
		89:            {"A 1 192.0.2.1 0 > 0; A end OTH  sent=1", "A 1 2001:db8::1 0 > 0; A end OTH  sent=1"},
		protoMobility: {"A 1 192.0.2.1 0 > 0; A end OTH  sent=1", none},
	} {
		const body = "3b01 0500 00000000 00000000 00000000"
		for i, packet := range []string{ipPacket(t, proto, body), ip6Packet(t, proto, body)} {
			if got := found(t, 101, packet); got != want[i] {
				t.Errorf("protocol %d: %s, want %s", proto, got, want[i])
			}
		}
	}
}

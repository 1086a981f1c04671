package nprint

import (
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// TestAgainstGopacket: on well-formed packets of random content, the features
// say what another project's decoder says; bits too, read as numbers by name.
func TestAgainstGopacket(t *testing.T) {
	all := newColumns(t, append(fieldNames(1), bitNames(1)...))
	random := rand.New(rand.NewPCG(5, 6))
	seen := map[string]int{}
	for range 2000 {
		data, payload := randomPacket(t, random)
		first := gopacket.LayerType(layers.LayerTypeIPv4)
		if data[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
		packet := gopacket.NewPacket(data, first, gopacket.Default)
		if e := packet.ErrorLayer(); e != nil {
			t.Fatalf("gopacket: %v of %x", e.Error(), data)
		}
		hdr := data[:len(data)-payload]
		got := all.of(ofOne(bare(0, true), hdr), 1)
		want := decoded(packet)
		want["payload_len"], want["ip_len"] = payload, len(data)
		want["dir"], want["log_gap"] = 1, 0
		for _, d := range packetSchema {
			value, there := want[d.name]
			if !there {
				value = Absent
			}
			if v := got["p1_"+d.name]; v != float32(value) {
				t.Fatalf("%s is %v, gopacket says %d of %x", d.name, v, value, hdr)
			}
		}
		for name, value := range decodedBits(packet) {
			if v := number(got, name); v != value {
				t.Fatalf("bits of %s give %d, gopacket says %d of %x", name, v, value, hdr)
			}
		}
		for _, l := range packet.Layers() {
			seen[l.LayerType().String()]++
		}
	}
	for _, layer := range []string{"IPv4", "IPv6", "IPv6Destination", "TCP", "UDP", "ICMPv4", "ICMPv6"} {
		if seen[layer] < 100 {
			t.Errorf("only %d packets with %s", seen[layer], layer)
		}
	}
}

// randomPacket gives a whole IP packet and how many bytes of it are payload.
func randomPacket(t *testing.T, random *rand.Rand) (data []byte, payload int) {
	t.Helper()
	transport, proto := randomTransport(random)
	stack := randomIPv6(random, proto)
	if proto != layers.IPProtocolICMPv6 && random.IntN(2) == 0 || proto == layers.IPProtocolICMPv4 {
		stack = randomIPv4(random, proto)
	}
	if l, ok := transport.(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	}); ok {
		if err := l.SetNetworkLayerForChecksum(stack[0].(gopacket.NetworkLayer)); err != nil {
			t.Fatal(err)
		}
	}
	payload = random.IntN(200)
	body := make(gopacket.Payload, payload)
	if proto == layers.IPProtocolICMPv6 { // gopacket's ICMPv6 header ends after the checksum
		body = make(gopacket.Payload, 4+payload)
	}
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		append(stack, transport, body)...); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes(), payload
}

func randomIPv4(random *rand.Rand, proto layers.IPProtocol) []gopacket.SerializableLayer {
	n := random.IntN
	ip := &layers.IPv4{Version: 4, TOS: uint8(n(256)), Id: uint16(n(3)), TTL: uint8(n(256)), Protocol: proto,
		Flags: layers.IPv4Flag(n(2)) * layers.IPv4DontFragment, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	if n(3) == 0 {
		ip.Options = []layers.IPv4Option{{OptionType: 0x94, OptionLength: 4, OptionData: []byte{0, 0}}}
	}
	return []gopacket.SerializableLayer{ip}
}

func randomIPv6(random *rand.Rand, proto layers.IPProtocol) []gopacket.SerializableLayer {
	n := random.IntN
	ip := &layers.IPv6{Version: 6, TrafficClass: uint8(n(256)), FlowLabel: random.Uint32N(1 << 20), HopLimit: uint8(n(256)),
		NextHeader: proto, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
	if n(2) == 0 {
		return []gopacket.SerializableLayer{ip}
	}
	ip.NextHeader = layers.IPProtocolIPv6Destination
	ext := &layers.IPv6Destination{Options: []*layers.IPv6DestinationOption{{OptionType: 1, OptionData: make([]byte, 4+8*n(4))}}}
	ext.NextHeader = proto
	return []gopacket.SerializableLayer{ip, ext}
}

func randomTransport(random *rand.Rand) (gopacket.SerializableLayer, layers.IPProtocol) {
	n := random.IntN
	switch n(5) { // the ports have no protocol that gopacket would go on to decode
	case 0:
		return &layers.UDP{SrcPort: layers.UDPPort(32768 + n(32768)), DstPort: layers.UDPPort(32768 + n(32768))}, layers.IPProtocolUDP
	case 1:
		return &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(uint8(n(256)), uint8(n(256)))}, layers.IPProtocolICMPv4
	case 2: // of the types with a message of their own none
		return &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(uint8(n(130)), uint8(n(256)))}, layers.IPProtocolICMPv6
	}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(32768 + n(32768)), DstPort: layers.TCPPort(32768 + n(32768)), Seq: random.Uint32(), Ack: random.Uint32(),
		FIN: n(2) == 0, SYN: n(2) == 0, RST: n(2) == 0, PSH: n(2) == 0, ACK: n(2) == 0, URG: n(2) == 0, ECE: n(2) == 0, CWR: n(2) == 0, NS: n(2) == 0,
		Window: uint16(n(65536)), Urgent: uint16(n(65536))}
	known := []layers.TCPOption{
		{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{byte(n(256)), byte(n(256))}},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{byte(n(15))}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
		{OptionType: layers.TCPOptionKindSACK, OptionLength: 10, OptionData: make([]byte, 8)},
		{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)},
		{OptionType: 34, OptionLength: 6, OptionData: make([]byte, 4)},
	}
	for room := 40; ; {
		o := known[n(len(known))]
		if room -= int(o.OptionLength); room < 0 || n(8) == 0 {
			return tcp, layers.IPProtocolTCP
		}
		tcp.Options = append(tcp.Options, o)
	}
}

// decoded gives the fields that gopacket knows, but the lengths.
func decoded(packet gopacket.Packet) map[string]int {
	m := map[string]int{"ip_hl": 0}
	for _, layer := range packet.Layers() {
		switch l := layer.(type) {
		case *layers.IPv4:
			m["ip_tos"], m["ip_ttl"], m["ip_df"] = int(l.TOS), int(l.TTL), int(l.Flags&layers.IPv4DontFragment)/int(layers.IPv4DontFragment)
			m["ip_id0"], m["ip_hl"] = map[bool]int{true: 1}[l.Id == 0], len(l.Contents)
		case *layers.IPv6:
			m["ip_tos"], m["ip_ttl"], m["ip_hl"] = int(l.TrafficClass), int(l.HopLimit), m["ip_hl"]+len(l.Contents)
		case *layers.IPv6Destination:
			m["ip_hl"] += len(l.Contents)
		case *layers.TCP:
			m["tcp_flags"], m["tcp_window"], m["tcp_hl"] = int(l.Contents[13]), int(l.Window), len(l.Contents)
			decodedOptions(l.Options, m)
		case *layers.UDP:
			m["udp_len"] = int(l.Length)
		case *layers.ICMPv4:
			m["icmp_type"], m["icmp_code"] = int(l.TypeCode.Type()), int(l.TypeCode.Code())
		case *layers.ICMPv6:
			m["icmp_type"], m["icmp_code"] = int(l.TypeCode.Type()), int(l.TypeCode.Code())
		}
	}
	return m
}

func decodedOptions(options []layers.TCPOption, m map[string]int) {
	m["tcp_sack_ok"], m["tcp_ts"], m["tcp_sacks"] = 0, 0, 0
	options = slices.DeleteFunc(options, func(o layers.TCPOption) bool { return o.OptionType == layers.TCPOptionKindEndList })
	order := ""
	for _, o := range options {
		switch o.OptionType {
		case layers.TCPOptionKindNop:
			order = "1" + order
		case layers.TCPOptionKindMSS:
			m["tcp_mss"] = int(o.OptionData[0])<<8 | int(o.OptionData[1])
			order = "2" + order
		case layers.TCPOptionKindWindowScale:
			m["tcp_wscale"] = int(o.OptionData[0])
			order = "3" + order
		case layers.TCPOptionKindSACKPermitted:
			m["tcp_sack_ok"] = 1
			order = "4" + order
		case layers.TCPOptionKindSACK:
			m["tcp_sacks"] += len(o.OptionData) / 8
			order = "5" + order
		case layers.TCPOptionKindTimestamps:
			m["tcp_ts"] = 1
			order = "6" + order
		default:
			order = "7" + order
		}
	}
	m["tcp_opts"] = len(options)
	octal, _ := strconv.ParseInt("0"+order[max(0, len(order)-6):], 8, 64)
	m["tcp_opt_order"] = int(octal)
}

// decodedBits gives header fields that gopacket knows by nPrint's name.
func decodedBits(packet gopacket.Packet) map[string]int {
	m := map[string]int{}
	if l, ok := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
		m["ipv4_ver"], m["ipv4_hl"], m["ipv4_tos"], m["ipv4_tl"] = 4, int(l.IHL), int(l.TOS), int(l.Length)
		m["ipv4_id"], m["ipv4_dfbit"], m["ipv4_foff"] = int(l.Id), int(l.Flags&layers.IPv4DontFragment)/2, int(l.FragOffset)
		m["ipv4_ttl"], m["ipv4_proto"], m["ipv4_cksum"] = int(l.TTL), int(l.Protocol), int(l.Checksum)
		m["ipv4_src"], m["ipv4_dst"], m["ipv4_rbit"], m["ipv4_mfbit"] = 0x0a000001, 0x0a000002, 0, 0
	} else {
		m["ipv4_ver"], m["ipv4_dst"] = Absent, Absent
	}
	if l, ok := packet.Layer(layers.LayerTypeTCP).(*layers.TCP); ok {
		m["tcp_sprt"], m["tcp_dprt"], m["tcp_seq"], m["tcp_ackn"] = int(l.SrcPort), int(l.DstPort), int(l.Seq), int(l.Ack)
		m["tcp_doff"], m["tcp_wsize"], m["tcp_cksum"], m["tcp_urp"] = int(l.DataOffset), int(l.Window), int(l.Checksum), int(l.Urgent)
		for name, set := range map[string]bool{"ns": l.NS, "cwr": l.CWR, "ece": l.ECE, "urg": l.URG, "ackf": l.ACK,
			"psh": l.PSH, "rst": l.RST, "syn": l.SYN, "fin": l.FIN} {
			m["tcp_"+name] = map[bool]int{true: 1}[set]
		}
		m["tcp_res"] = 0
	} else {
		m["tcp_sprt"], m["tcp_fin"] = Absent, Absent
	}
	if l, ok := packet.Layer(layers.LayerTypeUDP).(*layers.UDP); ok {
		m["udp_sport"], m["udp_dport"], m["udp_len"], m["udp_cksum"] = int(l.SrcPort), int(l.DstPort), int(l.Length), int(l.Checksum)
	} else {
		m["udp_sport"], m["udp_cksum"] = Absent, Absent
	}
	return m
}

// number puts the bits of a header field together; Absent if they are.
func number(got map[string]float32, name string) (n int) {
	for i := 0; ; i++ {
		bit, there := got["p1_"+name+"_"+strconv.Itoa(i)]
		switch {
		case !there:
			return n
		case bit == Absent:
			return Absent
		}
		n = n<<1 | int(bit)
	}
}

package capture

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/serveflow/serveflow/flow/zeek"
)

// testCapture is a capture made by a test: raw IP packets at seconds from its start.
type testCapture struct {
	t    *testing.T
	file bytes.Buffer
	pcap *pcapgo.Writer
	snap int // bytes that are kept of a packet; 0 for all
}

const captureStart = 1700000000

func newCapture(t *testing.T) *testCapture { return newCaptureOf(t, layers.LinkTypeRaw) }

// newCaptureOf makes a capture of frames of a link type.
func newCaptureOf(t *testing.T, link layers.LinkType) *testCapture {
	f := &testCapture{t: t}
	f.pcap = pcapgo.NewWriter(&f.file)
	if err := f.pcap.WriteFileHeader(65535, link); err != nil {
		t.Fatal(err)
	}
	return f
}

// raw adds the bytes of a frame: of an IP packet, if the capture has no link header.
func (f *testCapture) raw(at float64, data []byte) {
	f.t.Helper()
	kept := data
	if f.snap > 0 {
		kept = data[:min(f.snap, len(data))]
	}
	info := gopacket.CaptureInfo{
		Timestamp: time.UnixMicro(captureStart*1e6 + int64(math.Round(at*1e6))), CaptureLength: len(kept), Length: len(data),
	}
	if err := f.pcap.WritePacket(info, kept); err != nil {
		f.t.Fatal(err)
	}
}

// ip adds a packet of any protocol.
func (f *testCapture) ip(at float64, src, dst netip.Addr, proto layers.IPProtocol, body ...gopacket.SerializableLayer) {
	f.t.Helper()
	f.raw(at, ipBytes(f.t, src, dst, proto, body...))
}

func ipBytes(t *testing.T, src, dst netip.Addr, proto layers.IPProtocol, body ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var header gopacket.SerializableLayer
	if src.Is4() {
		header = &layers.IPv4{Version: 4, TTL: 64, Id: 7, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		header = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	for _, layer := range body {
		if l4, ok := layer.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l4.SetNetworkLayerForChecksum(header.(gopacket.NetworkLayer)); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opt, append([]gopacket.SerializableLayer{header}, body...)...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func payload(n int) gopacket.Payload { return make([]byte, n) }

// tcp adds a segment; flags are letters of SFRAP, options are twelve bytes.
func (f *testCapture) tcp(at float64, from, to, flags string, seq, ack uint32, data int) {
	f.t.Helper()
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	has := func(flag string) bool { return strings.Contains(flags, flag) }
	f.ip(at, src.Addr(), dst.Addr(), layers.IPProtocolTCP, &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), Seq: seq, Ack: ack, Window: 1000,
		SYN: has("S"), FIN: has("F"), RST: has("R"), ACK: has("A"), PSH: has("P"),
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}},
	}, payload(data))
}

func (f *testCapture) udp(at float64, from, to string, data int) {
	f.t.Helper()
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	f.ip(at, src.Addr(), dst.Addr(), layers.IPProtocolUDP,
		&layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}, payload(data))
}

func (f *testCapture) icmp(at float64, from, to string, kind, code uint8, data int) {
	f.t.Helper()
	f.ip(at, netip.MustParseAddr(from), netip.MustParseAddr(to), layers.IPProtocolICMPv4,
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code)}, payload(data))
}

// convert converts the capture and returns one line per record. The flows are called A, B
// ... in the order of their first record.
func (f *testCapture) convert(opt Options) (lines []string, stats Stats) {
	f.t.Helper()
	names := make(map[string]string)
	stats, err := Convert(&f.file, opt, func(rec *zeek.Record, sum *zeek.Summary) error {
		name, ok := names[string(rec.UID)]
		if !ok {
			name = string(rune('A' + len(names)))
			names[string(rec.UID)] = name
		}
		if sum != nil {
			lines = append(lines, fmt.Sprintf("%s end %s %s sent=%d", name, sum.ConnState, sum.History, rec.Sent))
			return nil
		}
		arrow := "<"
		if rec.FromOrig {
			arrow = ">"
		}
		lines = append(lines, fmt.Sprintf("%s %d %s %d %s %d", name, rec.N, rec.Orig.Addr(), rec.Orig.Port(), arrow, rec.Resp.Port()))
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return lines, stats
}

// expect converts the capture and compares the lines.
func (f *testCapture) expect(want string) {
	f.t.Helper()
	lines, _ := f.convert(Options{})
	got := strings.Join(lines, "\n")
	if want = strings.ReplaceAll(strings.TrimSpace(want), "\t", ""); got != want {
		f.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// eachPacket converts the capture and passes the ends and the number of each packet record.
func (f *testCapture) eachPacket(take func(from, to string, n int)) {
	f.t.Helper()
	if _, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum == nil {
			take(fmt.Sprint(rec.Orig.Addr(), " ", rec.Orig.Port()), fmt.Sprint(rec.Resp.Addr(), " ", rec.Resp.Port()), int(rec.N))
		}
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
}

package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/serveflow/serveflow/flow/zeek"
)

// testPacket is a packet of a test, without its link header.
type testPacket struct {
	ts   int64 // microseconds
	data []byte
}

// exchange is a question and its answer, a quarter of a second later.
func exchange(t *testing.T) []testPacket {
	t.Helper()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.9")
	udp := func(src, dst netip.Addr, from, to layers.UDPPort, n int) []byte {
		return ipBytes(t, src, dst, layers.IPProtocolUDP, &layers.UDP{SrcPort: from, DstPort: to}, payload(n))
	}
	return []testPacket{
		{captureStart * 1e6, udp(a, b, 40000, 7777, 9)},
		{captureStart*1e6 + 250000, udp(b, a, 7777, 40000, 20)},
	}
}

// records converts a capture and returns the records as text.
func records(t *testing.T, capture []byte) (string, Stats, error) {
	t.Helper()
	check := newChecker(t)
	var out []byte
	stats, err := Convert(bytes.NewReader(capture), Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		out = append(appendAny(out, rec, sum), '\n')
		return check.record(rec, sum)
	})
	check.done(stats)
	return string(out), stats, err
}

// wholeRecords is records for a capture without a fault, of which nothing is left out.
func wholeRecords(t *testing.T, name string, capture []byte) string {
	t.Helper()
	out, stats, err := records(t, capture)
	if err != nil || stats.LeftOut.Total() != 0 || stats.Packets == 0 {
		t.Errorf("%s: %v, %+v", name, err, stats)
	}
	return out
}

// pcapWriter writes classic pcap of any variant.
type pcapWriter struct {
	order        binary.AppendByteOrder
	magic        uint32
	major, minor uint16
	snap, link   uint32
	header       []byte // what the file's header has besides
	more         []byte // what a packet's header has besides
	swap         bool   // the length on the wire comes first
	unit         int64  // of the fraction of a second; 0 for microseconds
	length       func(n int) int
}

func (w pcapWriter) file(packets []testPacket) []byte {
	b := w.order.AppendUint32(nil, w.magic)
	b = w.order.AppendUint16(w.order.AppendUint16(b, w.major), w.minor)
	for _, field := range []uint32{0, 0, w.snap, w.link} {
		b = w.order.AppendUint32(b, field)
	}
	b = append(b, w.header...)
	for _, p := range packets {
		captured, wire := len(p.data), len(p.data)
		if w.length != nil {
			wire = w.length(wire)
		}
		if w.swap {
			captured, wire = wire, captured
		}
		b = w.order.AppendUint32(b, uint32(p.ts/1e6))
		b = w.order.AppendUint32(b, uint32(p.ts%1e6*max(w.unit, 1)))
		b = w.order.AppendUint32(w.order.AppendUint32(b, uint32(captured)), uint32(wire))
		b = append(append(b, w.more...), p.data...)
	}
	return b
}

// Every variant of pcap that libpcap reads gives the same records, and some that it does
// not.
func TestPcapVariants(t *testing.T) {
	packets := exchange(t)
	plain := pcapWriter{order: binary.LittleEndian, magic: 0xa1b2c3d4, major: 2, minor: 4, snap: 65535, link: 101}
	want := wholeRecords(t, "plain", plain.file(packets))
	if strings.Count(want, "\n") != 3 {
		t.Fatal(want)
	}
	variant := func(change func(*pcapWriter)) pcapWriter {
		w := plain
		change(&w)
		return w
	}
	for name, w := range map[string]pcapWriter{
		"2.0":                     variant(func(w *pcapWriter) { w.minor, w.swap = 0, true }),
		"2.1":                     variant(func(w *pcapWriter) { w.minor, w.swap = 1, true }),
		"2.2":                     variant(func(w *pcapWriter) { w.minor, w.swap = 2, true }),
		"2.2, longer on the wire": variant(func(w *pcapWriter) { w.minor, w.swap, w.length = 2, true, func(n int) int { return n + 9 } }),
		"2.3":                     variant(func(w *pcapWriter) { w.minor = 3 }),
		"2.3, longer on the wire": variant(func(w *pcapWriter) { w.minor, w.length = 3, func(n int) int { return n + 9 } }),
		"2.3 with its lengths swapped": variant(func(w *pcapWriter) {
			w.minor, w.swap, w.length = 3, true, func(n int) int { return n + 9 }
		}),
		"543.0 of DG/UX":             variant(func(w *pcapWriter) { w.major, w.minor, w.swap = 543, 0, true }),
		"nanoseconds":                variant(func(w *pcapWriter) { w.magic, w.unit = 0xa1b23c4d, 1000 }),
		"Navtel's nanoseconds":       variant(func(w *pcapWriter) { w.magic, w.unit = 0xa12b3c4d, 1000 }),
		"Kuznetzov's":                variant(func(w *pcapWriter) { w.magic, w.more = 0xa1b2cd34, make([]byte, 8) }),
		"Ixia's, by hardware":        variant(func(w *pcapWriter) { w.magic, w.unit, w.header = 0x1c0001ac, 1000, make([]byte, 4) }),
		"Ixia's, by software":        variant(func(w *pcapWriter) { w.magic, w.header = 0x1c0001ab, make([]byte, 4) }),
		"snap length 0":              variant(func(w *pcapWriter) { w.snap = 0 }),
		"snap length too small":      variant(func(w *pcapWriter) { w.snap = 20 }),
		"snap length of all ones":    variant(func(w *pcapWriter) { w.snap = 1<<32 - 1 }),
		"checksums of four bytes":    variant(func(w *pcapWriter) { w.link |= 0x44000000 }),
		"captured above length":      variant(func(w *pcapWriter) { w.length = func(n int) int { return n - 5 } }),
		"no length at all":           variant(func(w *pcapWriter) { w.length = func(int) int { return 0 } }),
		"a length beyond the packet": variant(func(w *pcapWriter) { w.length = func(n int) int { return n + 40 } }),
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			w.order = order
			if got := wholeRecords(t, name, w.file(packets)); got != want {
				t.Errorf("%s, %v: got\n%swant\n%s", name, order, got, want)
			}
		}
	}
}

// A file that is no pcap of a known version, or a packet that is too large to be one, is
// damage that the error names.
func TestDamagedPcap(t *testing.T) {
	plain := pcapWriter{order: binary.LittleEndian, magic: 0xa1b2c3d4, major: 2, minor: 4, snap: 65535, link: 101}
	newer, older, huge := plain, plain, plain
	newer.minor, older.major = 5, 1
	huge.swap, huge.length = true, func(int) int { return maxFrame + 1 }
	for says, w := range map[string]pcapWriter{
		"version 2.5: want 2.0 to 2.4":                  newer,
		"version 1.4: want 2.0 to 2.4":                  older,
		"262145 bytes captured, at most 262144":         huge,
		"damaged at byte 40, after 0 whole packets: 26": huge,
	} {
		if _, _, err := records(t, w.file(exchange(t))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// A packet of the largest size that may be captured is larger than the buffer.
func TestLargestFrame(t *testing.T) {
	packets := exchange(t)
	packets[0].data = append(packets[0].data, make([]byte, maxFrame-len(packets[0].data))...)
	w := pcapWriter{order: binary.LittleEndian, magic: 0xa1b2c3d4, major: 2, minor: 4, link: 101}
	if got := wholeRecords(t, "large", w.file(packets)); strings.Count(got, "\n") != 3 {
		t.Error(got)
	}
}

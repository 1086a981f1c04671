package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// ng writes pcapng, one block after the other.
type ng struct {
	order binary.AppendByteOrder
	b     []byte
}

// block appends a block, with padding.
func (w *ng) block(kind uint32, body ...byte) *ng {
	body = append(body, make([]byte, -len(body)&3)...)
	size := uint32(len(body) + 12)
	w.b = w.order.AppendUint32(w.order.AppendUint32(w.b, kind), size)
	w.b = w.order.AppendUint32(append(w.b, body...), size)
	return w
}

// numbers joins 32-bit numbers and bytes.
func (w *ng) numbers(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = w.order.AppendUint32(b, n)
	}
	return b
}

// section appends a section header. Its length is -1, which means unknown.
func (w *ng) section(order binary.AppendByteOrder) *ng {
	w.order = order
	version := order.AppendUint16(order.AppendUint16(nil, 1), 0)
	return w.block(blockSection, slices.Concat(w.numbers(0x1a2b3c4d), version, w.numbers(math.MaxUint32, math.MaxUint32))...)
}

// option is an option of a block.
func (w *ng) option(code uint16, value ...byte) []byte {
	b := w.order.AppendUint16(w.order.AppendUint16(nil, code), uint16(len(value)))
	return append(append(b, value...), make([]byte, -len(value)&3)...)
}

// iface appends an interface.
func (w *ng) iface(link uint16, snap uint32, options ...[]byte) *ng {
	b := w.order.AppendUint16(w.order.AppendUint16(nil, link), 0)
	return w.block(blockInterface, append(append(b, w.numbers(snap)...), slices.Concat(options...)...)...)
}

// packet appends an enhanced packet block; units is its time.
func (w *ng) packet(id uint32, units uint64, data []byte) *ng {
	head := w.numbers(id, uint32(units>>32), uint32(units), uint32(len(data)), uint32(len(data)))
	padded := append(append([]byte{}, data...), make([]byte, -len(data)&3)...)
	return w.block(blockPacket, slices.Concat(head, padded, w.option(1, []byte("a comment")...), w.option(0))...)
}

func (w *ng) packets(id uint32, packets []testPacket) *ng {
	for _, p := range packets {
		w.packet(id, uint64(p.ts), p.data)
	}
	return w
}

// newNG begins a file with a section.
func newNG(order binary.AppendByteOrder) *ng { return (&ng{}).section(order) }

var byteOrders = []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}

// wantExchange is the records of the exchange, as from a plain capture.
func wantExchange(t *testing.T) string {
	w := pcapWriter{order: binary.LittleEndian, magic: 0xa1b2c3d4, major: 2, minor: 4, link: 101}
	return wholeRecords(t, "plain", w.file(exchange(t)))
}

// A block that is no packet changes nothing, wherever it is and of whatever kind.
func TestOtherBlocks(t *testing.T) {
	want, packets := wantExchange(t), exchange(t)
	for _, order := range byteOrders {
		for _, kind := range []uint32{4, 5, 7, 8, 9, 10, 0xbad, 0x40000bad, 0x80000001, 0x7fffffff, 0} {
			other := func(w *ng) *ng { return w.block(kind, make([]byte, 21)...) }
			for name, w := range map[string]*ng{
				"at the end":               other(newNG(order).iface(101, 0).packets(0, packets)),
				"twice at the end":         other(other(newNG(order).iface(101, 0).packets(0, packets))),
				"between the packets":      other(newNG(order).iface(101, 0).packets(0, packets[:1])).packets(0, packets[1:]),
				"before the interface":     other(newNG(order)).iface(101, 0).packets(0, packets),
				"after the interface":      other(newNG(order).iface(101, 0)).packets(0, packets),
				"empty":                    newNG(order).iface(101, 0).packets(0, packets).block(kind),
				"a section without blocks": newNG(order).iface(101, 0).packets(0, packets).section(order),
			} {
				if got := wholeRecords(t, fmt.Sprintf("block %#x %s", kind, name), w.b); got != want {
					t.Errorf("block %#x %s, %v: got\n%s", kind, name, order, got)
				}
			}
		}
	}
}

// A block that is no packet may be larger than any packet.
func TestLargeBlock(t *testing.T) {
	w := newNG(binary.LittleEndian).iface(101, 0).block(10, make([]byte, maxBlock+9)...).packets(0, exchange(t))
	if got := wholeRecords(t, "large block", w.b); got != wantExchange(t) {
		t.Error(got)
	}
}

// Sections may differ in byte order, and each has interfaces of its own. An interface may
// come after packets of another one, with another link type.
func TestSectionsAndInterfaces(t *testing.T) {
	want, p := wantExchange(t), exchange(t)
	ethernet := []testPacket{{p[1].ts, append(unhex(t, macs+"0800"), p[1].data...)}}
	for _, order := range byteOrders {
		for _, next := range byteOrders {
			for name, w := range map[string]*ng{
				"two sections":      newNG(order).iface(101, 0).packets(0, p[:1]).section(next).iface(101, 0).packets(0, p[1:]),
				"another link type": newNG(order).iface(101, 0).packets(0, p[:1]).section(next).iface(1, 0).packets(0, ethernet),
				"a late interface":  newNG(order).iface(101, 0).packets(0, p[:1]).iface(1, 0).packets(1, ethernet),
				"the first of a section": newNG(order).iface(1, 0).iface(101, 0).packets(1, p[:1]).
					section(next).iface(101, 0).packets(0, p[1:]),
			} {
				if got := wholeRecords(t, name, w.b); got != want {
					t.Errorf("%s, %v and %v: got\n%s", name, order, next, got)
				}
			}
		}
	}
}

// A simple packet block has neither time nor captured length, an obsolete one a shorter
// interface number.
func TestSimpleAndObsoletePackets(t *testing.T) {
	p := exchange(t)
	for _, order := range byteOrders {
		simple := newNG(order).iface(101, 0)
		simple.block(blockSimple, append(simple.numbers(uint32(len(p[0].data))), p[0].data...)...)
		got := wholeRecords(t, "simple", simple.b)
		if !strings.Contains(got, `"ts":0.0,`) || strings.Count(got, "\n") != 2 {
			t.Errorf("simple, %v: %s", order, got)
		}
		cut := newNG(order).iface(101, 30)
		cut.block(blockSimple, append(cut.numbers(uint32(len(p[0].data))), p[0].data[:30]...)...)
		if f := firstFrame(t, cut.b); len(f.data) != 30 || f.wire != len(p[0].data) {
			t.Errorf("simple and cut, %v: %d bytes of %d", order, len(f.data), f.wire)
		}
		obsolete := newNG(order).iface(1, 0).iface(101, 0)
		for _, q := range p {
			head := order.AppendUint16(order.AppendUint16(nil, 1), 7) // 7 packets were lost
			head = append(head, obsolete.numbers(uint32(q.ts>>32), uint32(q.ts), uint32(len(q.data)), uint32(len(q.data)))...)
			obsolete.block(blockObsolete, append(head, q.data...)...)
		}
		if got := wholeRecords(t, "obsolete", obsolete.b); got != wantExchange(t) {
			t.Errorf("obsolete, %v: %s", order, got)
		}
	}
}

// firstFrame is the first frame of a capture.
func firstFrame(t *testing.T, capture []byte) (f frame) {
	t.Helper()
	s, err := newSource(bytes.NewReader(capture))
	if err == nil {
		err = s.next(&f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every resolution gives the same times, as exactly as it can.
func TestTimeResolutions(t *testing.T) {
	const exponentOfTwo = 0x80
	for _, tt := range []struct {
		resolution byte
		offset     int64
		units      uint64
		want       int64
	}{
		{6, 0, 1700000000250000, 1700000000250000},
		{9, 0, 1700000000250000999, 1700000000250000},
		{3, 0, 1700000000250, 1700000000250000},
		{0, 0, 1700000000, 1700000000000000},
		{1, 0, 17000000002, 1700000000200000},
		{12, 0, 250000123456, 250000},
		{19, 0, 2500000000000000000, 250000},
		{25, 0, math.MaxUint64, 1},
		{26, 0, math.MaxUint64, 0},
		{127, 0, math.MaxUint64, 0},
		{exponentOfTwo, 0, 1700000000, 1700000000000000},
		{exponentOfTwo | 1, 0, 3400000001, 1700000000500000},
		{exponentOfTwo | 10, 0, 1700000000<<10 | 256, 1700000000250000},
		{exponentOfTwo | 20, 0, 1700000000<<20 | 1<<18, 1700000000250000},
		{exponentOfTwo | 32, 0, 1700000000<<32 | 1<<30, 1700000000250000},
		{exponentOfTwo | 63, 0, 1<<63 | 1<<61, 1250000},
		{exponentOfTwo | 64, 0, 1 << 62, 250000},
		{exponentOfTwo | 70, 0, 1 << 63, 7812},
		{exponentOfTwo | 127, 0, math.MaxUint64, 0},
		{6, 1700000000, 250000, 1700000000250000},
		{9, -1, 1700000001250000000, 1700000000250000},
		{6, -1700000000, 1700000000000000, 0},
		{6, -1700000000, 1699999999999999, badTime},
		{6, -1 << 63, 0, badTime},
		{6, math.MaxInt64, 0, badTime},
		{0, 0, math.MaxUint64, badTime},
		{6, 0, math.MaxUint64, badTime},
		{6, 0, maxTS, maxTS},
	} {
		for _, order := range byteOrders {
			w := newNG(order)
			w.iface(101, 0, w.option(2, []byte("eth0")...), w.option(optionResolution, tt.resolution),
				w.option(optionOffset, order.AppendUint64(nil, uint64(tt.offset))...), w.option(0))
			if f := firstFrame(t, w.packet(0, tt.units, exchange(t)[0].data).b); f.ts != tt.want {
				t.Errorf("%#x, %d + %d: %d, want %d", tt.resolution, tt.units, tt.offset, f.ts, tt.want)
			}
		}
	}
}

// A time that no record can have is a reason, and so is an interface that the capture does
// not describe, or that has an unknown link type.
func TestPacketsThatAreLeftOut(t *testing.T) {
	p := exchange(t)
	w := newNG(binary.LittleEndian)
	w.iface(101, 0, w.option(optionOffset, w.order.AppendUint64(nil, math.MaxUint64)...)).iface(147, 0).iface(101, 0)
	w.packet(0, 999999, p[0].data)                                          // a microsecond before 1970
	w.packet(2, maxTS+1, p[0].data).packet(2, math.MaxUint64, p[0].data)    // too late
	w.packet(1, 7, p[0].data).packet(3, 7, p[0].data).packet(1<<31, 7, nil) // of unknown link types
	w.packet(2, 7, p[0].data).packet(0, 1000007, p[1].data)
	got, stats, err := records(t, w.b)
	if err != nil || stats.LeftOut.BadTime != 3 || stats.LeftOut.Unknown != 3 || stats.Packets != 8 || stats.Records != 2 {
		t.Errorf("%v, %+v\n%s", err, stats, got)
	}
	if says := stats.LeftOut.String(); says != "3 with a bad time, 3 of an unknown link type or encapsulation" {
		t.Error(says)
	}
}

// If all packets are of unknown link types, that is an error, as in a pcap file.
func TestNoKnownLinkType(t *testing.T) {
	w := newNG(binary.LittleEndian).iface(147, 0).iface(230, 0).packet(0, 7, nil).packet(1, 7, nil)
	if _, _, err := records(t, w.b); !errors.Is(err, ErrLinkType) || !strings.Contains(err.Error(), "unknown link type 147") {
		t.Error(err)
	}
}

// Packets of an interface that nothing describes are no fault of a link type: the message says so.
func TestNoInterface(t *testing.T) {
	w := newNG(binary.LittleEndian).packet(0, 7, nil).packet(0, 8, nil)
	if _, _, err := records(t, w.b); !errors.Is(err, ErrLinkType) || !strings.Contains(err.Error(), "no interface description block") {
		t.Error(err)
	}
}

// A file without packets is no damage.
func TestNoPackets(t *testing.T) {
	for name, w := range map[string]*ng{
		"a section":      newNG(binary.LittleEndian),
		"two sections":   newNG(binary.LittleEndian).section(binary.BigEndian),
		"an interface":   newNG(binary.BigEndian).iface(1, 0),
		"and statistics": newNG(binary.LittleEndian).iface(1, 0).block(5, make([]byte, 12)...),
	} {
		if got, stats, err := records(t, w.b); err != nil || got != "" || stats.Packets != 0 {
			t.Errorf("%s: %v, %+v, %s", name, err, stats, got)
		}
	}
}

// Damage is named, after the packets in front of it.
func TestDamagedPcapng(t *testing.T) {
	p := exchange(t)
	begun := func() *ng { return newNG(binary.LittleEndian).iface(101, 0).packets(0, p[:1]) }
	bytesAfter := func(numbers ...uint32) []byte { w := begun(); return append(w.b, w.numbers(numbers...)...) }
	otherEnd := begun().packets(0, p[1:]).b
	otherEnd[len(otherEnd)-4] ^= 4
	version2 := newNG(binary.BigEndian)
	version2.b[13] = 2
	tooShort := begun()
	tooShort.block(blockPacket, tooShort.numbers(0, 0, 0, 5, 5)...)
	for says, data := range map[string][]byte{
		"block damaged at byte 148, after 1 whole packets: a block of 8 bytes": bytesAfter(6, 8),
		"a block of 33 bytes":                          bytesAfter(5, 33),
		"a block of 16777220 bytes, at most":           bytesAfter(6, maxBlock+4),
		"that ends as one of":                          otherEnd,
		"a section without a byte order":               bytesAfter(blockSection, 28, 7),
		"pcapng version 2.0: want 1.x":                 version2.b,
		"5 bytes captured, in a block with room":       tooShort.b,
		"a packet block of 4 bytes":                    begun().block(blockPacket, 1, 2, 3, 4).b,
		"a packet block of 0 bytes":                    begun().block(blockSimple).b,
		"an interface block of 4 bytes":                begun().block(blockInterface, 1, 2, 3, 4).b,
		"a section header of 4 bytes":                  begun().block(blockSection, 0x4d, 0x3c, 0x2b, 0x1a).b,
		"block cut at byte 148, after 1 whole packets": bytesAfter(5, 64),
	} {
		_, stats, err := records(t, data)
		if err == nil || !strings.Contains(err.Error(), says) || stats.Packets > 2 {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

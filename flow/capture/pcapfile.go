package capture

import (
	"encoding/binary"
	"fmt"
)

// pcapFile reads a classic pcap file of version 2.0 to 2.4, and its variants.
type pcapFile struct {
	in     *input
	format pcapFormat
	link   linkType
	swap   lengthSwap
	header int // bytes of a packet's header
}

// pcapFormat is what the magic number says.
type pcapFormat struct {
	order  binary.ByteOrder
	nano   bool // times are in nanoseconds
	longer bool // Kuznetzov's libpcap: 8 more bytes in a packet's header
	sized  bool // Ixia's lcap: 4 more bytes in the file's header, the size of the file
}

// lengthSwap says whether a packet's header has the length on the wire before the captured
// length. It does before version 2.3, and in some files of version 2.3.
type lengthSwap uint8

const (
	neverSwapped lengthSwap = iota
	swappedIfLonger
	alwaysSwapped
)

// pcapVariant finds the format by the magic number.
func pcapVariant(magic []byte) (f pcapFormat, ok bool) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		f = pcapFormat{order: order}
		switch order.Uint32(magic) {
		case 0xa1b2c3d4:
		case 0xa1b23c4d, 0xa12b3c4d: // the second one is Navtel's
			f.nano = true
		case 0xa1b2cd34:
			f.longer = true
		case 0x1c0001ac:
			f.nano, f.sized = true, true
		case 0x1c0001ab:
			f.sized = true
		default:
			continue
		}
		return f, true
	}
	return f, false
}

// newPcapFile reads the file's header. What that says of the longest packet does not
// matter: it is often wrong.
func newPcapFile(in *input, format pcapFormat) (*pcapFile, error) {
	size := 24
	if format.sized {
		size += 4
	}
	b, err := in.take(size)
	if err != nil {
		return nil, err
	}
	p := &pcapFile{in: in, format: format, header: 16}
	major, minor := format.order.Uint16(b[4:]), format.order.Uint16(b[6:])
	switch {
	case major == 2 && minor < 3, major == 543 && minor == 0: // 543.0 is DG/UX
		p.swap = alwaysSwapped
	case major == 2 && minor == 3:
		p.swap = swappedIfLonger
	case major != 2 || minor > 4:
		return nil, fmt.Errorf("version %d.%d: want 2.0 to 2.4", major, minor)
	}
	p.link = linkType(format.order.Uint32(b[20:])) // the upper half says how long the checksum is
	if format.longer {
		p.header = 24
	}
	return p, nil
}

// belowZero is where the seconds of pcap begin that count as below 0. The format has
// unsigned seconds, until 2106. But what shifts a capture to times before its zero writes
// them into the same 32 bits, and one packet that seems to be of 2106 would end every flow.
// So the last half year of the range is given up for them.
const belowZero = 1<<32 - 1<<24

// next reads one packet.
func (p *pcapFile) next(f *frame) error {
	b, err := p.in.take(p.header)
	if err != nil {
		return err
	}
	order := p.format.order
	seconds, fraction := int64(order.Uint32(b)), int64(order.Uint32(b[4:]))
	if seconds >= belowZero {
		seconds -= 1 << 32
	}
	captured, wire := order.Uint32(b[8:]), order.Uint32(b[12:])
	if p.swap == alwaysSwapped || p.swap == swappedIfLonger && captured > wire {
		captured, wire = wire, captured
	}
	if p.format.nano {
		fraction /= 1000
	}
	if captured > maxFrame {
		return fmt.Errorf("%d bytes captured, at most %d", captured, maxFrame)
	}
	f.ts, f.link, f.order = seconds*1e6+fraction, p.link, order
	data, err := p.in.rest(int(captured))
	f.setData(data, captured, wire)
	return err
}

package capture

import (
	"encoding/binary"
	"fmt"
)

// Blocks of pcapng that matter here. All others are skipped: statistics, names, decryption
// secrets, custom blocks, and kinds that are unknown.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockObsolete  = 2 // the packet block of old files
	blockSimple    = 3
	blockPacket    = 6
)

// maxBlock is how large a block that matters may be, in bytes. A larger one is damaged.
const maxBlock = 16 << 20

// pcapngFile reads a pcapng file: sections, each with a byte order and interfaces of its
// own.
type pcapngFile struct {
	in         *input
	order      binary.ByteOrder
	interfaces []captureInterface
}

// newPcapng reads the first section header.
func newPcapng(in *input) (*pcapngFile, error) {
	p := &pcapngFile{in: in}
	_, _, err := p.block()
	return p, err
}

// next reads blocks up to a packet.
func (p *pcapngFile) next(f *frame) error {
	for {
		kind, body, err := p.block()
		if err != nil {
			return err
		}
		switch kind {
		case blockInterface:
			err = p.addInterface(body)
		case blockPacket:
			return p.packet(f, body, 4)
		case blockObsolete:
			return p.packet(f, body, 2)
		case blockSimple:
			return p.simple(f, body)
		}
		if err != nil {
			return err
		}
	}
}

// packet reads a packet block. Its interface number has idBytes bytes, of four.
func (p *pcapngFile) packet(f *frame, body []byte, idBytes int) error {
	if len(body) < 20 {
		return fmt.Errorf("a packet block of %d bytes", len(body))
	}
	id := p.order.Uint32(body)
	if idBytes == 2 {
		id = uint32(p.order.Uint16(body))
	}
	high, low := p.order.Uint32(body[4:]), p.order.Uint32(body[8:])
	captured, wire := p.order.Uint32(body[12:]), p.order.Uint32(body[16:])
	if int(captured) > len(body)-20 {
		return fmt.Errorf("%d bytes captured, in a block with room for %d", captured, len(body)-20)
	}
	p.from(f, id, uint64(high)<<32|uint64(low))
	f.setData(body[20:20+captured], captured, wire)
	return nil
}

// simple reads a simple packet block. It has no time, and is of the first interface.
func (p *pcapngFile) simple(f *frame, body []byte) error {
	if len(body) < 4 {
		return fmt.Errorf("a packet block of %d bytes", len(body))
	}
	wire := p.order.Uint32(body)
	captured := min(wire, uint32(len(body)-4))
	if len(p.interfaces) > 0 && p.interfaces[0].snap > 0 {
		captured = min(captured, p.interfaces[0].snap)
	}
	p.from(f, 0, 0)
	f.setData(body[4:4+captured], captured, wire)
	return nil
}

// from fills in what the interface says of a packet: its link type and its time. A packet
// of an interface that the section does not have is of no known link type.
func (p *pcapngFile) from(f *frame, id uint32, time uint64) {
	f.order, f.link, f.ts = p.order, linkNone, badTime
	if int64(id) < int64(len(p.interfaces)) {
		f.link, f.ts = p.interfaces[id].link, p.interfaces[id].micros(time)
	}
}

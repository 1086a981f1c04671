package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// block reads one block and returns its body. The body of a block that does not matter is
// nil.
func (p *pcapngFile) block() (kind uint32, body []byte, err error) {
	b, err := p.in.take(8)
	if err != nil {
		return 0, nil, err
	}
	head := [8]byte(b)
	if binary.LittleEndian.Uint32(head[:]) == blockSection {
		if err := p.startSection(); err != nil {
			return 0, nil, err
		}
	}
	kind = p.order.Uint32(head[:])
	size := p.order.Uint32(head[4:])
	if size < 12 || size%4 != 0 {
		return 0, nil, fmt.Errorf("a block of %d bytes", size)
	}
	switch kind {
	case blockSection, blockInterface, blockPacket, blockObsolete, blockSimple:
		if size > maxBlock {
			return 0, nil, fmt.Errorf("a block of %d bytes, at most %d", size, maxBlock)
		}
		b, err = p.in.rest(int(size) - 8)
	default:
		if err = p.in.skip(int(size) - 12); err == nil {
			b, err = p.in.rest(4)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	end := len(b) - 4
	if again := p.order.Uint32(b[end:]); again != size {
		return 0, nil, fmt.Errorf("a block of %d bytes that ends as one of %d", size, again)
	}
	if kind == blockSection {
		return kind, nil, p.version(b[:end])
	}
	return kind, b[:end], nil
}

// startSection reads the byte order of a section, ahead of its length.
func (p *pcapngFile) startSection() error {
	magic, err := p.in.ahead(4)
	if err != nil {
		return err
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(magic) == 0x1a2b3c4d {
			p.order, p.interfaces = order, p.interfaces[:0]
			return nil
		}
	}
	return errors.New("a section without a byte order")
}

// version checks the version of a section. All minor versions can be read.
func (p *pcapngFile) version(body []byte) error {
	if len(body) < 16 {
		return fmt.Errorf("a section header of %d bytes", len(body))
	}
	if major := p.order.Uint16(body[4:]); major != 1 {
		return fmt.Errorf("pcapng version %d.%d: want 1.x", major, p.order.Uint16(body[6:]))
	}
	return nil
}

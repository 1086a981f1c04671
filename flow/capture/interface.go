package capture

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// badTime is the time of a packet whose time no record can have.
const badTime = -1

// captureInterface is an interface of a pcapng section.
type captureInterface struct {
	link     linkType
	snap     uint32 // bytes that are kept of a packet; 0 for all
	binary   bool   // a time counts units of 2^-exponent seconds, not 10^-exponent
	exponent uint
	offset   int64 // seconds to add
}

// Options of an interface block.
const (
	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

// addInterface reads an interface block.
func (p *pcapngFile) addInterface(body []byte) error {
	if len(body) < 8 {
		return fmt.Errorf("an interface block of %d bytes", len(body))
	}
	i := captureInterface{link: linkType(p.order.Uint16(body)), snap: p.order.Uint32(body[4:]), exponent: 6}
	for rest := body[8:]; len(rest) >= 4; {
		code, size := p.order.Uint16(rest), int(p.order.Uint16(rest[2:]))
		rest = rest[4:]
		if code == optionEnd || size > len(rest) {
			break
		}
		i.option(code, rest[:size], p.order)
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	p.interfaces = append(p.interfaces, i)
	return nil
}

// option reads an option of the block.
func (i *captureInterface) option(code uint16, value []byte, order binary.ByteOrder) {
	switch {
	case code == optionResolution && len(value) == 1:
		i.binary, i.exponent = value[0]&0x80 != 0, uint(value[0]&0x7f)
	case code == optionOffset && len(value) == 8:
		i.offset = int64(order.Uint64(value))
	}
}

// micros turns a time of this interface into microseconds since the epoch. It truncates,
// as libpcap does. A time that no record can have becomes badTime.
func (i *captureInterface) micros(time uint64) int64 {
	var high, low uint64
	switch {
	case i.binary:
		high, low = bits.Mul64(time, 1e6)
		if i.exponent >= 64 {
			high, low = 0, high>>(i.exponent-64)
		} else {
			low = low>>i.exponent | high<<(64-i.exponent)
			high >>= i.exponent
		}
	case i.exponent <= 6:
		high, low = bits.Mul64(time, power10(6-i.exponent))
	case i.exponent <= 6+19:
		low = time / power10(i.exponent-6)
	}
	const most = math.MaxInt64 / 2 // neither may overflow
	if high > 0 || low > most || i.offset > most/1_000_000 || i.offset < -most/1_000_000 {
		return badTime
	}
	return max(int64(low)+i.offset*1e6, badTime)
}

// power10 is 10^n, for n up to 19.
func power10(n uint) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

package zeek

import (
	"encoding/binary"
	"math/bits"
)

// number reads a number as JSON's grammar has it.
func (s *scanner) number() (value, bool) {
	start := s.pos
	if s.digits() && s.line[start] != '0' && !s.inNumber() { // most are whole
		return value{int32(start), int32(s.pos), number}, true
	}
	s.pos = start
	s.takeHere('-')
	if !s.takeHere('0') && !s.digits() {
		return value{}, false
	}
	if s.takeHere('.') && !s.digits() {
		return value{}, false
	}
	if s.takeHere('e') || s.takeHere('E') {
		if !s.takeHere('+') {
			s.takeHere('-')
		}
		if !s.digits() {
			return value{}, false
		}
	}
	return value{int32(start), int32(s.pos), number}, true
}

// inNumber reports whether a fraction or an exponent follows.
func (s *scanner) inNumber() bool {
	return s.pos < len(s.line) && (s.line[s.pos] == '.' || s.line[s.pos]|0x20 == 'e')
}

// digits skips decimal digits and reports whether there was one.
func (s *scanner) digits() bool {
	i := s.pos
	for i < len(s.line) && s.line[i]-'0' <= 9 {
		i++
	}
	some := i > s.pos
	s.pos = i
	return some
}

// str reads a string. The scanner has read its opening quote. A string that begins like
// an object is a record in an envelope, and may be as long as a record.
func (s *scanner) str() (value, bool) {
	v := value{start: int32(s.pos), kind: plain}
	at := nextSpecial(s.line, s.pos)
	for at < len(s.line) && s.line[at] == '\\' {
		v.kind = escaped
		if s.pos = at; !s.escape() {
			return v, false
		}
		at = nextSpecial(s.line, s.pos)
	}
	if s.pos = at; at == len(s.line) || s.line[at] != '"' { // the line ends, or has a control character
		return v, false
	}
	v.end = int32(at)
	if s.limits != nil && at-int(v.start) > s.limits.String && s.line[v.start] != '{' {
		s.exceeded, s.longStart = TooLong, int(v.start)-1
		return v, false
	}
	s.pos++
	return v, true
}

// escape skips one escape sequence.
func (s *scanner) escape() bool {
	s.pos++
	if s.pos == len(s.line) {
		return false
	}
	switch s.line[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		s.pos++
		if _, ok := hex4(s.line[s.pos:]); !ok {
			return false
		}
		s.pos += 4
		return true
	}
	return false
}

// nextSpecial returns the position of the next quote, backslash or control character from
// i on; len(b) if there is none. It looks at eight bytes at a time.
func nextSpecial(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		hit := (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash
		if hit &= tops; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

package zeek

import "strconv"

// kind is the JSON type of a value.
type kind uint8

const (
	absent  kind = iota // also null: Zeek leaves unset fields out, others write null
	plain               // a string without escapes
	escaped             // a string with escapes
	number
	boolTrue
	boolFalse
	nested // an object or an array
)

// value is where a field's value is in the line. The quotes of a string are left out.
type value struct {
	start, end int32
	kind       kind
}

// scanner reads one JSON text. Its methods return false if the text is not strict JSON
// or exceeds a limit; pos then says where, and exceeded which limit.
type scanner struct {
	line      []byte
	pos       int
	limits    *Limits // nil for a text that was checked before
	keys      int     // read so far
	exceeded  string  // the Reason, if a limit was exceeded
	longStart int     // where a string that is too long begins
}

// fail returns the error for the position where the scanner stopped.
func (s *scanner) fail() *Error {
	switch s.exceeded {
	case TooDeep:
		return &Error{Reason: TooDeep, Detail: "nested deeper than " + strconv.Itoa(s.limits.Nesting)}
	case TooManyKeys:
		return &Error{Reason: TooManyKeys, Detail: "more than " + strconv.Itoa(s.limits.Keys) + " keys"}
	case TooLong:
		return &Error{Reason: TooLong, Field: keyBefore(s.line, s.longStart),
			Detail: "a string of more than " + strconv.Itoa(s.limits.String) + " bytes, to byte " + strconv.Itoa(s.pos)}
	}
	return &Error{Reason: BadSyntax, Detail: "not one JSON object: byte " + strconv.Itoa(s.pos)}
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.line) {
		switch s.line[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// take skips white space and c. It returns false if c does not come.
func (s *scanner) take(c byte) bool {
	if s.takeHere(c) { // Zeek writes no space
		return true
	}
	s.space()
	return s.takeHere(c)
}

// takeHere skips c, without white space before it.
func (s *scanner) takeHere(c byte) bool {
	if s.pos < len(s.line) && s.line[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// usualKey skips the key that Zeek usually writes after a field, and returns its field;
// fNone if another key comes. Comparing a key is cheaper than reading it.
func (s *scanner) usualKey(at field) field {
	f := &usualNext[at]
	if end := s.pos + len(f.text); f.next != fNone && end <= len(s.line) && string(s.line[s.pos:end]) == f.text {
		s.pos = end
		return f.next
	}
	return fNone
}

// value reads one value of any type. depth is the number of objects and arrays that it is
// in, below the record itself.
func (s *scanner) value(depth int) (value, bool) {
	if s.pos < len(s.line) && s.line[s.pos] <= ' ' {
		s.space()
	}
	if s.pos == len(s.line) {
		return value{}, false
	}
	switch c := s.line[s.pos]; c {
	case '"':
		s.pos++
		return s.str()
	case 't':
		return s.literal("true", boolTrue)
	case 'f':
		return s.literal("false", boolFalse)
	case 'n':
		return s.literal("null", absent)
	case '{', '[':
		if s.limits != nil && depth >= s.limits.Nesting {
			s.exceeded = TooDeep
			return value{}, false
		}
		start := s.pos
		ok := s.container(c, depth+1)
		return value{int32(start), int32(s.pos), nested}, ok
	default:
		return s.number()
	}
}

// literal reads true, false or null.
func (s *scanner) literal(word string, k kind) (value, bool) {
	rest := s.line[s.pos:]
	if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return value{}, false
	}
	s.pos += len(word)
	return value{kind: k}, true
}

// container skips an object or an array.
func (s *scanner) container(open byte, depth int) bool {
	s.pos++
	if s.take(open + 2) { // in ASCII, ] and } come two after [ and {
		return true
	}
	for {
		if open == '{' {
			if !s.take('"') || !s.countKey() {
				return false
			}
			if _, ok := s.str(); !ok || !s.take(':') {
				return false
			}
		}
		if _, ok := s.value(depth); !ok {
			return false
		}
		if !s.take(',') {
			return s.takeHere(open + 2)
		}
	}
}

// countKey counts a key. It returns false if there are too many.
func (s *scanner) countKey() bool {
	s.keys++
	if s.limits != nil && s.keys > s.limits.Keys {
		s.exceeded = TooManyKeys
		return false
	}
	return true
}

package zeek

import "bytes"

// scan finds where each field is in the line, and checks that the line is one JSON
// object and nothing else.
func (f *fields) scan() *Error {
	s := scanner{line: f.line, limits: &f.d.limits}
	if !s.take('{') {
		return s.fail()
	}
	if !s.take('}') && !f.members(&s) {
		return s.fail()
	}
	if s.space(); s.pos != len(f.line) {
		return s.fail()
	}
	return nil
}

// members reads the members of the object, up to and including its closing brace.
func (f *fields) members(s *scanner) bool {
	at, ok := f.key(s)
	for ok {
		v, ok := s.value(0)
		if !ok {
			return false
		}
		f.values[at] = v
		if next := s.usualKey(at); next != fNone {
			if at = next; !s.countKey() {
				return false
			}
			continue
		}
		if !s.take(',') {
			return s.takeHere('}')
		}
		if at, ok = f.key(s); !ok {
			return false
		}
	}
	return false
}

// key reads a key and its colon, and returns the field.
func (f *fields) key(s *scanner) (field, bool) {
	if !s.take('"') || !s.countKey() {
		return fNone, false
	}
	key, ok := s.str()
	if !ok || !s.take(':') {
		return fNone, false
	}
	at := fieldOf(f.bytes(key))
	if at >= fID {
		f.flatten(at, *s)
	}
	return at, true
}

// keyBefore returns the key of the member whose value begins at line[at]. It returns ""
// if there is none, or if the key is not fit for an error message.
func keyBefore(line []byte, at int) string {
	head := bytes.TrimRight(line[:at], " \t\r\n:")
	if len(head) == 0 || head[len(head)-1] != '"' {
		return ""
	}
	head = head[:len(head)-1]
	key := head[bytes.LastIndexByte(head, '"')+1:]
	if len(key) > MaxUID || !printable(key) {
		return ""
	}
	return string(key)
}

package zeek

// scan finds where the fields of the line's object lie, and checks that the line
// is one JSON object and nothing else.
func (f *fields) scan() *Error {
	s := scanner{line: f.line}
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

// members steps over the members of the object, to behind its closing brace.
func (f *fields) members(s *scanner) bool {
	at, ok := f.key(s)
	for ok {
		v, ok := s.value(0)
		if !ok {
			return false
		}
		f.values[at] = v
		if next := s.guess(at); next != fNone {
			at = next
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

// key steps over a key and its colon, and names the field.
func (f *fields) key(s *scanner) (field, bool) {
	if !s.take('"') {
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

package zeek

import "bytes"

// value appends the value of one column. It returns false if text is not of its type.
func (t *TSV) value(dst []byte, c *column, text []byte) ([]byte, bool) {
	if !c.many {
		return t.scalar(dst, c.kind, text)
	}
	dst = append(dst, '[')
	if bytes.Equal(text, t.empty) {
		return append(dst, ']'), true
	}
	for more, first, ok := true, true, true; more; first = false {
		var element []byte
		element, text, more = bytes.Cut(text, t.setSeparator)
		if !first {
			dst = append(dst, ',')
		}
		if bytes.Equal(element, t.unset) {
			dst = append(dst, "null"...)
		} else if dst, ok = t.scalar(dst, c.kind, element); !ok {
			return dst, false
		}
	}
	return append(dst, ']'), true
}

// scalar appends a value that is no set or vector.
func (t *TSV) scalar(dst []byte, kind columnKind, text []byte) ([]byte, bool) {
	switch kind {
	case columnNumber:
		return appendNumber(dst, text)
	case columnBool:
		switch string(text) {
		case "T":
			return append(dst, "true"...), true
		case "F":
			return append(dst, "false"...), true
		}
		return dst, false
	}
	if bytes.Equal(text, t.empty) {
		return append(dst, `""`...), true
	}
	t.scratch = appendTSVUnescaped(t.scratch[:0], text)
	return appendZeekString(dst, t.scratch), true
}

// appendNumber appends a number unchanged. Infinity and NaN become null, as in Zeek,
// because JSON has no such numbers.
func appendNumber(dst, text []byte) ([]byte, bool) {
	switch string(bytes.TrimLeft(text, "+-")) {
	case "inf", "nan":
		return append(dst, "null"...), true
	}
	s := scanner{line: text}
	if _, ok := s.number(); !ok || s.pos != len(text) {
		return dst, false
	}
	return append(dst, text...), true
}

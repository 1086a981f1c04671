package zeek

import (
	"bytes"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendTSVUnescaped appends a text of a TSV log without its escapes: \x.. is one byte,
// and \\ is a backslash. A backslash before anything else stands for itself.
func appendTSVUnescaped(dst, src []byte) []byte {
	for {
		at := bytes.IndexByte(src, '\\')
		if at < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:at]...)
		src = src[at:]
		if b, ok := hexByte(src); ok {
			dst, src = append(dst, b), src[4:]
			continue
		}
		dst, src = append(dst, '\\'), bytes.TrimPrefix(src[1:], []byte{'\\'})
	}
}

// hexByte reads the four characters \x.. at the beginning of src.
func hexByte(src []byte) (byte, bool) {
	if len(src) < 4 || src[1] != 'x' {
		return 0, false
	}
	r, ok := hex4([]byte{'0', '0', src[2], src[3]})
	return byte(r), ok
}

// appendZeekString appends a JSON string as Zeek's JSON writer does: a byte that is not
// valid UTF-8 becomes the four characters \x.. in it.
func appendZeekString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for len(text) > 0 {
		n := nextSpecial(text, 0)
		if plain := asciiPrefix(text[:n]); plain > 0 {
			dst, text = append(dst, text[:plain]...), text[plain:]
			continue
		}
		switch c := text[0]; {
		case c == '"' || c == '\\':
			dst, text = append(dst, '\\', c), text[1:]
		case c < ' ':
			dst, text = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]), text[1:]
		default:
			r, size := utf8.DecodeRune(text)
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = append(dst, text[:size]...)
			}
			text = text[size:]
		}
	}
	return append(dst, '"')
}

// asciiPrefix is the number of bytes before the first one that is not ASCII.
func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

package zeek

import (
	"unicode/utf16"
	"unicode/utf8"
)

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnescaped appends a string without its escapes, which the scanner has checked.
// Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func appendUnescaped(dst, src []byte) []byte {
	for i := 0; ; i++ {
		escape := nextSpecial(src, i) // a string has no other special character
		dst = append(dst, src[i:escape]...)
		if escape == len(src) {
			return dst
		}
		i = escape + 1
		switch c := src[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, used := unescapeRune(src[i+1:])
			dst = utf8.AppendRune(dst, r)
			i += used
		default:
			dst = append(dst, c)
		}
	}
}

// unescapeRune reads the digits after \u, and a second \u escape if the two are a
// surrogate pair. It returns the number of bytes read.
func unescapeRune(src []byte) (rune, int) {
	r, _ := hex4(src)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(src) >= 10 && src[4] == '\\' && src[5] == 'u' {
		low, _ := hex4(src[6:])
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 10
		}
	}
	return utf8.RuneError, 4
}

// printable reports whether b is all visible ASCII: no space, no control character.
func printable(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// readable reports whether b is UTF-8 without control characters.
func readable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

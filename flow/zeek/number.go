package zeek

import (
	"bytes"
	"math"
)

// MaxTS is the latest time of a record, in microseconds since the Unix epoch: in the year
// 5138. A number of seconds beyond it has 12 digits, and would be taken for milliseconds.
// The earliest time is 0: captures may count time from their beginning.
const MaxTS = 1e17 - 1

// parseUint reads a JSON number that is whole and not negative; ok is false if it is not.
// For a number that is too large it returns MaxUint64.
func parseUint(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c -= '0'; c > 9 {
			return parseUintSlow(b)
		}
		if n > math.MaxUint64/10-1 {
			n = math.MaxUint64
			continue
		}
		n = n*10 + uint64(c)
	}
	return n, true
}

// parseUintSlow is parseUint for any JSON number. Programs that keep every number as a
// float write 443 as 443.0 or 4.43e2.
func parseUintSlow(b []byte) (n uint64, ok bool) {
	if whole, ok := bytes.CutSuffix(b, []byte(".0")); ok {
		return parseUint(whole)
	}
	const maxDigits = 19 // MaxUint64 has 20
	var buf [32]byte
	digits, exp := decimal(buf[:0], b)
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits, exp = digits[:len(digits)-1], exp+1
	}
	switch {
	case len(digits) == 0:
		return 0, true
	case b[0] == '-' || exp < 0:
		return 0, false
	case len(digits)+exp > maxDigits:
		return math.MaxUint64, true
	}
	for i := range len(digits) + exp {
		n *= 10
		if i < len(digits) {
			n += uint64(digits[i] - '0')
		}
	}
	return n, true
}

// parseMicros reads a JSON number of seconds since the Unix epoch. With 12 digits or more
// before the point it is milliseconds: no time until MaxTS has as many seconds, and none
// after March 1973 has fewer milliseconds. It returns microseconds, rounded half up. ok is
// false if they are below 0 or above MaxTS.
func parseMicros(b []byte) (us int64, ok bool) {
	decimals, whole := 0, len(b)
	for i, c := range b {
		switch {
		case c-'0' <= 9 && i < 18: // 17 digits and a point cannot overflow
			us = us*10 + int64(c-'0')
		case c == '.' && decimals == 0 && len(b)-i <= 7:
			decimals, whole = len(b)-i-1, i
		default:
			return parseMicrosSlow(b)
		}
	}
	if whole >= millisDigits {
		return parseMicrosSlow(b)
	}
	for ; decimals < 6; decimals++ {
		us *= 10
	}
	return us, true
}

// millisDigits is how many digits before the point make a time one in milliseconds.
const millisDigits = 12

// parseMicrosSlow is parseMicros for any JSON number. Zeek itself sometimes prints a
// seventh decimal (.4232619 for .423262).
func parseMicrosSlow(b []byte) (us int64, ok bool) {
	var buf [32]byte
	digits, exp := decimal(buf[:0], b)
	unit := 6 // microseconds are 10^-6 seconds
	if len(digits)+exp >= millisDigits {
		unit = 3 // and 10^-3 milliseconds
	}
	us, ok = scale(digits, exp+unit)
	return us, ok && us <= MaxTS && (b[0] != '-' || len(digits) == 0)
}

// maxDuration is how long a connection may have lasted, in microseconds: 130 years.
const maxDuration = 4102444800e6

// parseDuration reads a JSON number of seconds and returns microseconds, rounded half up.
// ok is false if it is negative or more than maxDuration.
func parseDuration(b []byte) (us int64, ok bool) {
	var buf [32]byte
	digits, exp := decimal(buf[:0], b)
	us, ok = scale(digits, exp+6)
	return us, ok && us <= maxDuration && (b[0] != '-' || len(digits) == 0)
}

// scale returns digits times 10^exp as a whole number, rounded half up. It works on the
// decimal digits, so that it rounds only once.
func scale(digits []byte, exp int) (n int64, ok bool) {
	keep := len(digits) + exp // digits of the result; the next one rounds
	if len(digits) == 0 || keep < 0 {
		return 0, true
	}
	if keep > 17 {
		return 0, false
	}
	for i := range keep {
		n *= 10
		if i < len(digits) {
			n += int64(digits[i] - '0')
		}
	}
	if keep < len(digits) && digits[keep] >= '5' {
		n++
	}
	return n, true
}

// decimal splits a JSON number, without its sign, into significant digits and an
// exponent: its value is digits times 10^exp. It appends to digits, and limits the
// exponent to a million.
func decimal(digits, b []byte) ([]byte, int) {
	const clamp = 1e6
	exp, i, point := 0, 0, false
	for ; i < len(b) && b[i]|0x20 != 'e'; i++ {
		switch c := b[i]; {
		case c == '.':
			point = true
		case c != '-':
			if point {
				exp--
			}
			if len(digits) > 0 || c != '0' {
				digits = append(digits, c)
			}
		}
	}
	if i == len(b) {
		return digits, exp
	}
	var e int
	for _, c := range b[i+1:] {
		if c -= '0'; c <= 9 {
			e = min(e*10+int(c), clamp)
		}
	}
	if b[i+1] == '-' {
		e = -e
	}
	return digits, exp + e
}

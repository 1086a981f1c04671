package zeek

import "math"

// A record's time lies between the epoch's first second and the year 2100.
const (
	minTS = 1e6
	maxTS = 4102444800e6
)

// parseUint reads a JSON number that is a plain whole number. ok is false where
// it has a fraction, an exponent or a sign; too large a number comes back as
// MaxUint64.
func parseUint(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		if n > math.MaxUint64/10-1 {
			n = math.MaxUint64
			continue
		}
		n = n*10 + uint64(c)
	}
	return n, true
}

// parseMicros reads a JSON number of seconds since the epoch, or of milliseconds
// where it has 12 digits or more before the point: no year to 2100 has as many
// seconds, and no day after March 1973 has fewer milliseconds. It gives whole
// microseconds, rounded half away from zero. ok is false where the result is not
// between minTS and maxTS.
func parseMicros(b []byte) (us int64, ok bool) {
	places := 0 // behind the point
	for i, c := range b {
		switch {
		case c-'0' <= 9 && i < 18: // 17 digits and a point cannot overflow
			us = us*10 + int64(c-'0')
		case c == '.' && places == 0 && len(b)-i <= 7:
			places = len(b) - i - 1
		default:
			return parseMicrosSlow(b)
		}
	}
	for ; places < 6; places++ {
		if us > maxTS {
			return parseMicrosSlow(b)
		}
		us *= 10
	}
	return us, us >= minTS && us <= maxTS
}

// parseMicrosSlow is parseMicros for any JSON number. Zeek itself prints a
// seventh decimal at times (.4232619 for .423262).
func parseMicrosSlow(b []byte) (us int64, ok bool) {
	var room [32]byte
	digits, exp := decimal(room[:0], b)
	places := 6
	if len(digits)+exp >= 12 {
		places = 3 // milliseconds
	}
	us, ok = shift(digits, exp+places)
	return us, ok && b[0] != '-' && us >= minTS && us <= maxTS
}

// parseDuration reads a JSON number of seconds as whole microseconds, rounded
// half away from zero. ok is false where it is negative or longer than a time can be.
func parseDuration(b []byte) (us int64, ok bool) {
	var room [32]byte
	digits, exp := decimal(room[:0], b)
	us, ok = shift(digits, exp+6)
	return us, ok && us <= maxTS && (b[0] != '-' || len(digits) == 0)
}

// shift gives digits times 10^exp as a whole number, rounded half up. It works on
// the decimal digits, so that nothing is rounded twice.
func shift(digits []byte, exp int) (n int64, ok bool) {
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

// decimal splits a JSON number, sign aside, into significant digits and an
// exponent: digits times 10^exp. Exponents are clamped to a million. The digits
// are appended to those given.
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

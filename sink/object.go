package sink

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"strconv"

	"github.com/serveflow/serveflow/cascade"
)

// object appends the fields of one JSON object to dst, which ends in the object's '{' or
// in a field. Names need no escaping.
type object struct {
	dst []byte
}

func (o *object) key(name string) {
	if o.dst[len(o.dst)-1] != '{' {
		o.dst = append(o.dst, ',')
	}
	o.dst = append(o.dst, '"')
	o.dst = append(o.dst, name...)
	o.dst = append(o.dst, '"', ':')
}

func (o *object) str(name, s string) {
	o.key(name)
	o.dst = appendString(o.dst, s)
}

func (o *object) int(name string, n int64) {
	o.key(name)
	o.dst = strconv.AppendInt(o.dst, n, 10)
}

func (o *object) bool(name string, b bool) {
	o.key(name)
	o.dst = strconv.AppendBool(o.dst, b)
}

// fraction appends a number rounded to six decimals, without trailing zeros.
func (o *object) fraction(name string, x float64) {
	o.key(name)
	o.dst = appendFraction(o.dst, x)
}

func appendFraction(dst []byte, x float64) []byte {
	millionths := math.Round(x * 1e6)
	if !(math.Abs(millionths) < 1e15) { // more digits than a float64 is sure of
		return strconv.AppendFloat(dst, millionths/1e6, 'f', -1, 64)
	}
	if math.Signbit(millionths) {
		dst, millionths = append(dst, '-'), -millionths
	}
	dst = appendMillionths(dst, int64(millionths))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if last := len(dst) - 1; dst[last] == '.' {
		dst = dst[:last]
	}
	return dst
}

// appendMillionths appends n millionths, 0 or more, with six decimals.
func appendMillionths(dst []byte, n int64) []byte {
	dst = strconv.AppendInt(dst, n/1e6, 10)
	dst = append(dst, ".000000"...)
	for i, rest := len(dst)-1, n%1e6; rest > 0; i, rest = i-1, rest/10 {
		dst[i] = byte('0' + rest%10)
	}
	return dst
}

// seconds appends microseconds since the epoch, 0 or more, as seconds with six decimals.
func (o *object) seconds(name string, us int64) {
	o.key(name)
	o.dst = appendMillionths(o.dst, us)
}

// address appends an IP address.
func (o *object) address(name string, a netip.Addr) {
	o.key(name)
	o.dst = append(o.dst, '"')
	o.dst = append(a.AppendTo(o.dst), '"')
}

// digest appends bytes in hex.
func (o *object) digest(name string, sum []byte) {
	o.key(name)
	o.dst = append(o.dst, '"')
	o.dst = append(hex.AppendEncode(o.dst, sum), '"')
}

// top appends the guesses that have a label.
func (o *object) top(guesses []cascade.Guess) {
	o.key("top")
	o.dst = append(o.dst, '[')
	for _, g := range guesses {
		if g.Label == "" {
			break
		}
		if o.dst[len(o.dst)-1] != '[' {
			o.dst = append(o.dst, ',')
		}
		o.dst = append(o.dst, `{"label":`...)
		o.dst = appendString(o.dst, g.Label)
		o.dst = append(o.dst, `,"p":`...)
		o.dst = append(appendFraction(o.dst, g.P), '}')
	}
	o.dst = append(o.dst, ']')
}

// appendString appends a JSON string. Most strings, such as uids, are printable ASCII and
// need no escaping. Names of classes and sensors may have any character.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			return appendEscaped(dst, s)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // it has no error for a string
	return append(dst, quoted...)
}

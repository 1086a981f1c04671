package sink

import (
	"encoding/json"
	"math"
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
	return strconv.AppendFloat(dst, math.Round(x*1e6)/1e6, 'f', -1, 64)
}

// seconds appends microseconds since the epoch, 0 or more, as seconds with six decimals.
func (o *object) seconds(name string, us int64) {
	o.key(name)
	o.dst = strconv.AppendInt(o.dst, us/1e6, 10)
	frac := strconv.AppendInt(nil, us%1e6+1e6, 10)
	frac[0] = '.'
	o.dst = append(o.dst, frac...)
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

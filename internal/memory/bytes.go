package memory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory in bytes. As a setting it is a number of bytes, or a number
// with a unit.
type Bytes int64

// Units of memory.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// units, the largest first.
var units = [...]struct {
	name string
	size Bytes
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}

// UnmarshalText reads "1073741824", "512MiB" or "1.5GiB".
func (b *Bytes) UnmarshalText(text []byte) error {
	number, size := strings.TrimSpace(string(text)), Bytes(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, size = strings.TrimSpace(rest), u.size
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0) || n*float64(size) > math.MaxInt64/2 {
		return fmt.Errorf("%q is no amount of memory: give bytes, or a number with KiB, MiB or GiB", text)
	}
	*b = Bytes(n * float64(size))
	return nil
}

// String returns the amount in the largest unit of which it is at least one, rounded down
// to one decimal.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.size {
			return strconv.FormatFloat(math.Floor(float64(b)*10/float64(u.size))/10, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

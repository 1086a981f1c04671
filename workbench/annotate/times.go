package annotate

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"
)

// layouts are the forms of a time that is no number: RFC 3339 (Zeek's ISO8601), and Suricata's,
// whose zone has no colon.
var layouts = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999"}

// microseconds reads a time: a number since the Unix epoch, whose size tells whether it is
// seconds, milliseconds or microseconds, or a date with time. Without a zone it is UTC.
func microseconds(text string) (int64, error) {
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		switch size := math.Abs(number); {
		case size < 1e11: // until the year 5138
			return int64(math.Round(number * 1e6)), nil
		case size < 1e14:
			return int64(math.Round(number * 1e3)), nil
		case size < 1e17:
			return int64(number), nil
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, fmt.Errorf("%q is no time: write seconds since 1970, or such as 2026-11-24T00:26:32Z", text)
}

// stamp is a time in JSON, in microseconds since the Unix epoch; 0 where there is none.
type stamp int64

// UnmarshalJSON reads a number or a text.
func (s *stamp) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	us, err := microseconds(string(bytes.Trim(b, `"`)))
	*s = stamp(us)
	return err
}

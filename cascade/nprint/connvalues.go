package nprint

import (
	"bytes"
	"strings"

	"github.com/serveflow/serveflow/flow/zeek"
)

const (
	// exact is the largest n for which a float32 can have every whole number from 0 to n.
	exact = 1<<24 - 1
	// huge limits the operands of calculations, so that nothing overflows.
	huge = 1 << 50
)

// connValues are the values of one record, by field.
type connValues [connFields]int32

// read sets all values from the record.
func (v *connValues) read(c *zeek.ConnFields) {
	v[connLogDuration], v[connLogGap] = logTimes(c)
	v[connOrigBytes], v[connRespBytes] = count(c.OrigBytes), count(c.RespBytes)
	v[connOrigPkts], v[connRespPkts] = count(c.OrigPkts), count(c.RespPkts)
	v[connOrigIPBytes], v[connRespIPBytes] = count(c.OrigIPBytes), count(c.RespIPBytes)
	v[connMissedBytes] = count(c.MissedBytes)
	v[connOrigPerPkt] = ratio(c.OrigIPBytes, c.OrigPkts, 1)
	v[connRespPerPkt] = ratio(c.RespIPBytes, c.RespPkts, 1)
	v[connBytesShare] = share(c.OrigIPBytes, c.RespIPBytes)
	v[connPktsShare] = share(c.OrigPkts, c.RespPkts)
	v[connState] = stateNumber(c.State)
	v.readService(c.Service)
	v.readHistory(c.History)
}

// logTimes gives the logarithms of the duration and of the mean gap.
func logTimes(c *zeek.ConnFields) (duration, gap int32) {
	duration, gap = Absent, Absent
	if c.Duration < 0 {
		return duration, gap
	}
	duration = logTime(0, c.Duration)
	if orig, resp := min(c.OrigPkts, huge), min(c.RespPkts, huge); orig >= 0 && resp >= 0 && orig+resp > 1 {
		gap = logTime(0, c.Duration/(orig+resp-1))
	}
	return duration, gap
}

func count(n int64) int32 {
	if n < 0 {
		return Absent
	}
	return int32(min(n, exact))
}

// ratio gives times*a/b, rounded down. It is absent if a or b is, or if b is 0.
func ratio(a, b, times int64) int32 {
	if a < 0 || b <= 0 {
		return Absent
	}
	return count(min(a, huge) * times / min(b, 2*huge))
}

func share(orig, resp int64) int32 {
	if orig < 0 || resp < 0 {
		return Absent
	}
	return ratio(orig, min(orig, huge)+min(resp, huge), 1000)
}

func stateNumber(state []byte) int32 {
	if len(state) == 0 {
		return Absent
	}
	for i, s := range states {
		if string(state) == s {
			return int32(i)
		}
	}
	return int32(len(states))
}

// readService reads the list of analyzers. An empty list counts as none.
func (v *connValues) readService(list []byte) {
	for len(list) > 0 {
		var name []byte
		name, list, _ = bytes.Cut(list, []byte{','})
		if len(name) == 0 {
			continue
		}
		v[connServices]++
		v[serviceField(name)] = 1
	}
}

func serviceField(name []byte) int {
	name = bytes.TrimSuffix(bytes.TrimSuffix(name, []byte("_tcp")), []byte("_udp"))
	for i, s := range services {
		if string(name) == s {
			return connService0 + i
		}
	}
	return connServiceOther
}

// readHistory counts the letters: capitals are the originator's.
func (v *connValues) readHistory(history []byte) {
	const places = 5
	head, digits := int32(0), 0
	for _, c := range history {
		if c == '^' {
			v[connFlip] = 1
		}
		at := strings.IndexByte(letters, c|0x20)
		if at < 0 {
			continue
		}
		side := int(c >> 5 & 1) // 0 for a capital
		v[connLetter0+2*at+side]++
		if at < lifecycle && digits < places {
			head, digits = head<<4|int32(2*at+side+1), digits+1
		}
	}
	v[connHead] = head << (4 * (places - digits))
}

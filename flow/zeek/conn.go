package zeek

import "math"

// conn reads the fields of conn.log.
func (f *fields) conn(c *ConnFields) {
	*c = ConnFields{
		Duration:    f.duration(fDuration, "duration"),
		OrigBytes:   f.optional(fOrigBytes, "orig_bytes", math.MaxInt64),
		RespBytes:   f.optional(fRespBytes, "resp_bytes", math.MaxInt64),
		MissedBytes: f.optional(fMissedBytes, "missed_bytes", math.MaxInt64),
		OrigPkts:    f.optional(fOrigPkts, "orig_pkts", math.MaxInt64),
		RespPkts:    f.optional(fRespPkts, "resp_pkts", math.MaxInt64),
		OrigIPBytes: f.optional(fOrigIPBytes, "orig_ip_bytes", math.MaxInt64),
		RespIPBytes: f.optional(fRespIPBytes, "resp_ip_bytes", math.MaxInt64),
		Service:     f.optionalText(fService, "service", MaxText),
		State:       f.optionalText(fConnState, "conn_state", MaxText),
		History:     f.optionalText(fHistory, "history", MaxText),
	}
}

// duration reads seconds and returns microseconds; Absent if the field is absent.
func (f *fields) duration(at field, name string) int64 {
	if f.values[at].kind == absent {
		return Absent
	}
	if !f.require(at, name, number, number, "a number of seconds") {
		return 0
	}
	v := f.values[at]
	us, ok := parseDuration(f.line[v.start:v.end])
	if !ok {
		f.refuse(FieldRange, name, "negative, or longer than a century")
	}
	return us
}

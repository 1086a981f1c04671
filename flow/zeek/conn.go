package zeek

import "math"

// ofConnLog reports whether the object is a record of conn.log: it says so by its
// tag or path, or has what only conn.log has.
func (f *fields) ofConnLog() bool {
	if f.values[fUID].kind == absent {
		return false
	}
	return f.isConn || f.values[fConnState].kind != absent ||
		f.isText(fPath) && string(f.bytes(f.values[fPath])) == "conn"
}

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
		Service:     f.words(fService, "service", MaxWords),
		State:       f.words(fConnState, "conn_state", MaxWords),
		History:     f.words(fHistory, "history", MaxWords),
	}
}

// duration reads seconds as microseconds; Absent where there is none.
func (f *fields) duration(at field, name string) int64 {
	if f.values[at].kind == absent {
		return Absent
	}
	if !f.has(at, name, number, number, "a number of seconds") {
		return 0
	}
	v := f.values[at]
	us, ok := parseDuration(f.line[v.start:v.end])
	if !ok {
		f.refuse(FieldRange, name, "negative, or longer than a century")
	}
	return us
}

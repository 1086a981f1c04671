package zeek

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Summary is what an end record holds beyond its Record. Zeek's conn.log has the same
// fields.
type Summary struct {
	Duration    float64 // seconds from the first to the last packet; 0 is left out
	ConnState   string  // SF, S0, REJ ...; empty is left out
	History     string  // empty is left out
	OrigPkts    uint64
	RespPkts    uint64
	OrigIPBytes uint64
	RespIPBytes uint64
	OrigBytes   int64 // payload bytes; Absent is left out
	RespBytes   int64
}

// AppendRecord appends rec as the Zeek package writes it: one JSON object without a
// line end. For an end record it writes only what rec holds: conn_state is SF if the
// connection was closed, and is left out otherwise.
func AppendRecord(dst []byte, rec *Record) []byte {
	if rec.Kind == Packet {
		dst = appendFlow(dst, `{"ev":"pkt","ts":`, rec)
		return appendPacket(dst, rec)
	}
	dst = appendFlow(dst, `{"ev":"end","ts":`, rec)
	if rec.Closed {
		dst = append(dst, `,"conn_state":"SF"`...)
	}
	return appendSent(dst, rec)
}

// AppendEnd appends an end record with its summary. It writes the summary's conn_state
// and ignores rec.Closed.
func AppendEnd(dst []byte, rec *Record, sum *Summary) []byte {
	dst = appendFlow(dst, `{"ev":"end","ts":`, rec)
	if sum.Duration > 0 {
		dst = appendFloat(append(dst, `,"duration":`...), sum.Duration)
	}
	dst = appendPlain(dst, `,"conn_state":"`, sum.ConnState)
	dst = appendPlain(dst, `,"history":"`, sum.History)
	dst = strconv.AppendUint(append(dst, `,"orig_pkts":`...), sum.OrigPkts, 10)
	dst = strconv.AppendUint(append(dst, `,"resp_pkts":`...), sum.RespPkts, 10)
	dst = strconv.AppendUint(append(dst, `,"orig_ip_bytes":`...), sum.OrigIPBytes, 10)
	dst = strconv.AppendUint(append(dst, `,"resp_ip_bytes":`...), sum.RespIPBytes, 10)
	dst = appendPresent(dst, `,"orig_bytes":`, sum.OrigBytes)
	dst = appendPresent(dst, `,"resp_bytes":`, sum.RespBytes)
	return appendSent(dst, rec)
}

// AppendConn appends the record of conn.log for the connection of rec, an end record,
// and its summary. Its ts is the time of the first packet. The fields that neither
// holds (service, missed_bytes) are left out.
func AppendConn(dst []byte, rec *Record, sum *Summary) []byte {
	first := *rec
	first.TS -= int64(math.Round(sum.Duration * 1e6))
	dst = appendFlow(dst, `{"ts":`, &first)
	if sum.Duration > 0 {
		dst = appendFloat(append(dst, `,"duration":`...), sum.Duration)
	}
	dst = appendPresent(dst, `,"orig_bytes":`, sum.OrigBytes)
	dst = appendPresent(dst, `,"resp_bytes":`, sum.RespBytes)
	dst = appendPlain(dst, `,"conn_state":"`, sum.ConnState)
	dst = appendPlain(dst, `,"history":"`, sum.History)
	dst = strconv.AppendUint(append(dst, `,"orig_pkts":`...), sum.OrigPkts, 10)
	dst = strconv.AppendUint(append(dst, `,"orig_ip_bytes":`...), sum.OrigIPBytes, 10)
	dst = strconv.AppendUint(append(dst, `,"resp_pkts":`...), sum.RespPkts, 10)
	dst = strconv.AppendUint(append(dst, `,"resp_ip_bytes":`...), sum.RespIPBytes, 10)
	return append(dst, '}')
}

// appendFlow appends the fields that every kind of record has.
func appendFlow(dst []byte, start string, rec *Record) []byte {
	dst = appendTime(append(dst, start...), rec.TS)
	dst = appendText(dst, `,"uid":`, rec.UID)
	if len(rec.Sensor) > 0 {
		dst = appendText(dst, `,"sensor":`, rec.Sensor)
	}
	if rec.Orig.IsValid() {
		dst = rec.Orig.Addr().AppendTo(append(dst, `,"id.orig_h":"`...))
		dst = strconv.AppendUint(append(dst, `","id.orig_p":`...), uint64(rec.Orig.Port()), 10)
		dst = rec.Resp.Addr().AppendTo(append(dst, `,"id.resp_h":"`...))
		dst = strconv.AppendUint(append(dst, `","id.resp_p":`...), uint64(rec.Resp.Port()), 10)
	}
	return appendPlain(dst, `,"proto":"`, protoName(rec.Proto))
}

// protoName is Zeek's name of a transport protocol.
func protoName(proto uint8) string {
	switch proto {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMP, ICMPv6:
		return "icmp"
	}
	return "unknown_transport"
}

// appendPacket appends the fields of a packet record, and closes the object.
func appendPacket(dst []byte, rec *Record) []byte {
	dst = strconv.AppendUint(append(dst, `,"n":`...), uint64(rec.N), 10)
	dst = strconv.AppendBool(append(dst, `,"is_orig":`...), rec.FromOrig)
	dst = appendPresent(dst, `,"ip_len":`, int64(rec.IPLen))
	dst = appendPresent(dst, `,"plen":`, int64(rec.PayloadLen))
	dst = appendPresent(dst, `,"ttl":`, int64(rec.TTL))
	dst = appendPresent(dst, `,"flags":`, int64(rec.Flags))
	dst = appendPresent(dst, `,"win":`, int64(rec.Window))
	if len(rec.Hdr) > 0 {
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"hdr":"`...), rec.Hdr)
		dst = append(dst, '"')
	}
	return append(appendPlain(dst, `,"hdr_why":"`, rec.HdrWhy.String()), '}')
}

// appendSent appends the number of packet records, and closes the object.
func appendSent(dst []byte, rec *Record) []byte {
	dst = strconv.AppendUint(append(dst, `,"sent":`...), uint64(rec.Sent), 10)
	return append(dst, '}')
}

// appendPlain appends a string that needs no escapes, unless it is empty.
func appendPlain(dst []byte, name, word string) []byte {
	if word == "" {
		return dst
	}
	return append(append(append(dst, name...), word...), '"')
}

// appendPresent appends a number, unless it is Absent.
func appendPresent(dst []byte, name string, n int64) []byte {
	if n == Absent {
		return dst
	}
	return strconv.AppendInt(append(dst, name...), n, 10)
}

// appendTime appends microseconds, 0 or more, as seconds. Up to the year 2242 that is what
// appendFloat would write; later a float64 of seconds has no room for each microsecond.
func appendTime(dst []byte, micros int64) []byte {
	micros = max(0, micros)
	dst = append(strconv.AppendInt(dst, micros/1e6, 10), '.')
	digits := strconv.AppendInt(nil, 1e6+micros%1e6, 10)[1:]
	return append(dst, append(digits[:1:1], bytes.TrimRight(digits[1:], "0")...)...)
}

// appendFloat appends the shortest decimal that reads back as f. Like Zeek, it always
// writes a point, and an exponent for less than a millionth.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case f == math.Trunc(f):
		return strconv.AppendFloat(dst, f, 'f', 1, 64)
	case math.Abs(f) < 1e-6:
		text := strconv.FormatFloat(f, 'e', -1, 64)
		return append(dst, strings.Replace(text, "e-0", "e-", 1)...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendText appends a JSON string. The text comes from outside and may need escapes.
func appendText(dst []byte, name string, text []byte) []byte {
	dst = append(dst, name...)
	if printable(text) && !bytes.ContainsAny(text, "\"\\") {
		dst = append(append(dst, '"'), text...)
		return append(dst, '"')
	}
	quoted, _ := json.Marshal(string(text)) // a string always marshals
	return append(dst, quoted...)
}

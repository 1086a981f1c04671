package zeek

import "fmt"

// Decoder turns JSON records into Records. The zero Decoder is ready for use; it
// belongs to one goroutine.
type Decoder struct {
	// Conns: records of conn.log are read too, as Kind Conn.
	Conns bool
	// Limits of a record; a field that is 0 has its default. Set before the first Decode.
	Limits Limits

	limits  Limits // what holds: without zeros
	scratch []byte // what strings with escapes mean
	hdr     [MaxHdr]byte
	conn    ConnFields
}

// Decode reads one JSON object into rec. Fields may come in any order, the last
// of several with one name counts, fields that it does not know are passed over.
//
// The record may be bare, as Zeek writes it, or as what lies between Zeek and us
// has changed it:
//
//   - tagged by zeek-kafka's tag_json: {"serveflow": {...}}; any tag will do;
//   - with fields added, as json-streaming-logs' _path and _write_ts;
//   - with id_orig_h, or "id":{"orig_h":...}, for id.orig_h, and so for all four;
//   - in an envelope, as a text or as an object: in event.original or message
//     (Filebeat, Elastic Agent, Logstash, Vector), log (Fluent Bit) or payload
//     (Kafka Connect). Two envelopes may lie around one record. Their other fields
//     are passed over: none of them is taken for the sensor's name;
//   - as a JSON string (Kafka Connect's JsonConverter without schemas);
//   - without id.* and proto, in the package's compact form: a packet's follow from
//     hdr, an end record goes without;
//   - with ts in seconds since the epoch, in milliseconds, or in ISO 8601.
//
// A well-formed object without "ev" is of another log, and an envelope around
// something that is no object is of another program: Kind Other, no error. What
// begins as an object inside an envelope and is not a whole one is an error.
//
// rec's byte slices alias line and the Decoder and hold until the next Decode.
// The error is an *Error; rec is then undefined.
func (d *Decoder) Decode(line []byte, rec *Record) error {
	d.scratch = d.scratch[:0]
	if d.limits.Record == 0 {
		d.limits = d.Limits.OrDefault()
	}
	if len(line) > d.limits.Record {
		return tooLong(len(line), d.limits.Record)
	}
	f := fields{line: line, d: d}
	if len(line) > 0 && line[0] == '"' {
		f.unquote()
	}
	if err := f.scan(); err != nil {
		return err
	}
	if f.values[fEv].kind == absent {
		if err := f.unwrap(); err != nil {
			return err
		}
	}
	*rec = Record{IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent}
	f.record(rec)
	if f.err != nil {
		return f.err
	}
	return nil
}

// tooLong is the error of a line beyond the cap. Its scratch would stay with the
// Decoder: memory must not follow what a stranger writes.
func tooLong(bytes, most int) *Error {
	return &Error{Reason: TooLong, Detail: fmt.Sprintf("%d bytes, at most %d", bytes, most)}
}

// record converts the fields by the kind of record that they make up.
func (f *fields) record(rec *Record) {
	if f.values[fEv].kind == absent {
		if !f.d.Conns || !f.ofConnLog() {
			rec.UID = f.uidIfGood()
			return
		}
		rec.Kind, rec.Conn = Conn, &f.d.conn
		f.flow(rec)
		f.conn(rec.Conn)
		return
	}
	switch string(f.text(fEv, "ev")) {
	case "pkt":
		rec.Kind = Packet
		f.flow(rec)
		f.packet(rec)
	case "end":
		rec.Kind = End
		f.flow(rec)
		f.end(rec)
	default:
		f.refuse(FieldType, "ev", `not "pkt" or "end"`)
	}
}

// flow reads what all kinds of record have.
func (f *fields) flow(rec *Record) {
	rec.TS = f.micros(fTS, "ts")
	rec.UID = f.uid(fUID, "uid")
	rec.Sensor = f.words(fSensor, "sensor", MaxSensor)
	if rec.Kind == Conn || !f.endless() {
		rec.Orig = f.endpoint(fOrigH, "id.orig_h", fOrigP, "id.orig_p")
		rec.Resp = f.endpoint(fRespH, "id.resp_h", fRespP, "id.resp_p")
	} else if rec.Kind == Packet {
		return // the header tells, and the protocol too
	}
	switch string(f.text(fProto, "proto")) {
	case "tcp":
		rec.Proto = TCP
	case "udp":
		rec.Proto = UDP
	case "icmp":
		rec.Proto = ICMP
		if rec.Orig.Addr().Is6() {
			rec.Proto = ICMPv6
		}
	}
}

func (f *fields) packet(rec *Record) {
	rec.N = uint32(f.uint(fN, "n", 1, 1<<32-1))
	rec.FromOrig = f.bool(fIsOrig, "is_orig")
	rec.IPLen = int32(f.optional(fIPLen, "ip_len", 1<<31-1))
	rec.PayloadLen = int32(f.optional(fPlen, "plen", 1<<31-1))
	rec.TTL = int16(f.optional(fTTL, "ttl", 255))
	rec.Flags = int16(f.optional(fFlags, "flags", 255))
	rec.Window = int32(f.optional(fWin, "win", 65535))
	rec.Hdr = f.base64(fHdr, "hdr")
	rec.HdrWhy = f.why(fHdrWhy, "hdr_why")
	if f.endless() {
		f.endsOfHeader(rec)
	}
}

func (f *fields) end(rec *Record) {
	if f.values[fSent].kind != absent {
		rec.Sent = uint32(f.uint(fSent, "sent", 0, 1<<32-1))
	}
	if f.values[fConnState].kind != absent {
		rec.Closed = rec.Proto == TCP && closed(f.text(fConnState, "conn_state"))
	}
}

// Closed reports whether a connection of a protocol and with a conn_state of
// conn.log was torn down, and not forgotten in silence.
func Closed(proto uint8, connState string) bool {
	return proto == TCP && closed([]byte(connState))
}

// closed reports whether both sides of a TCP connection are done with it. S2 and
// S3 are half-closed: the other side may still send.
func closed(connState []byte) bool {
	switch string(connState) {
	case "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR":
		return true
	}
	return false
}

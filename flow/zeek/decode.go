package zeek

import "fmt"

// Decoder turns JSON into Records. The zero Decoder is ready for use. Only one goroutine
// may use it.
type Decoder struct {
	// Conns makes it read the records of conn.log, too, as Kind Conn.
	Conns bool
	// Limits of a record. 0 means the default. Set them before the first Decode.
	Limits Limits

	limits  Limits // Limits with the defaults filled in
	scratch []byte // the strings that had escapes, without them
	hdr     [MaxHdr]byte
	conn    ConnFields
}

// Decode reads one JSON object into rec. Fields may come in any order. Of several with
// one name the last counts. Unknown fields are skipped.
//
// The record may be as Zeek writes it, or as the programs between Zeek and us change it:
//
//   - with a tag by zeek-kafka's tag_json: {"serveflow": {...}}, with any tag;
//   - with more fields, such as _path and _write_ts of json-streaming-logs;
//   - with id_orig_h, or "id":{"orig_h":...}, for id.orig_h, and so for all four;
//   - in an envelope, as a string or as an object: in event.original or message
//     (Filebeat, Elastic Agent, Logstash, Vector), log (Fluent Bit) or payload
//     (Kafka Connect). There may be two envelopes around one record. Their other
//     fields are skipped, and none of them becomes the sensor's name;
//   - as a JSON string (Kafka Connect's JsonConverter without schemas);
//   - without id.* and proto, in the Zeek package's compact form: for a packet they
//     are read from hdr, an end record has none;
//   - with ts in seconds since the epoch, in milliseconds, or in ISO 8601;
//   - with whole numbers as floats, such as 443.0 or 4.43e2.
//
// With Conns, a record of conn.log is told by its _path or its tag, or else by its
// conn_state, unless the file that an envelope names (log.file.path, file) is of another
// log. A record that names another log, such as conn_long, is none, whatever its fields.
//
// An object without "ev" belongs to another log, and an envelope around something that
// is no object belongs to another program: Kind Other, no error. If an envelope holds
// the beginning of an object, but not all of it, that is an error.
//
// The byte slices of rec alias line and the Decoder, and are valid until the next
// Decode. The error is an *Error; rec is then undefined.
func (d *Decoder) Decode(line []byte, rec *Record) error {
	f := fields{line: line, d: d}
	if err := f.open(); err != nil {
		return err
	}
	*rec = Record{IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent}
	f.record(rec)
	if f.err != nil {
		return f.err
	}
	return nil
}

// open finds the fields of a new line, without its envelopes and its tag.
func (f *fields) open() *Error {
	d := f.d
	d.scratch = d.scratch[:0]
	if d.limits.Record == 0 {
		d.limits = d.Limits.OrDefault()
	}
	if len(f.line) > d.limits.Record {
		return tooLong(len(f.line), d.limits.Record)
	}
	if len(f.line) > 0 && f.line[0] == '"' {
		f.unquote()
	}
	if err := f.scan(); err != nil || f.values[fEv].kind != absent {
		return err
	}
	return f.unwrap()
}

// tooLong is the error of a line longer than the limit. Decode does not read such a line:
// the scratch buffer would grow with it and stay that large.
func tooLong(bytes, most int) *Error {
	return &Error{Reason: TooLong, Detail: fmt.Sprintf("%d bytes, at most %d", bytes, most)}
}

// record converts the fields, according to the kind of record.
func (f *fields) record(rec *Record) {
	if f.values[fEv].kind == absent {
		if !f.d.Conns || !f.isConnLog() {
			rec.UID = f.validUID()
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

// flow reads the fields that every kind of record has.
func (f *fields) flow(rec *Record) {
	rec.TS = f.micros(fTS, "ts")
	rec.UID = f.uid(fUID, "uid")
	rec.Sensor = f.optionalText(fSensor, "sensor", MaxSensor)
	if rec.Kind == Conn || !f.withoutEndpoints() {
		rec.Orig = f.endpoint(fOrigH, "id.orig_h", fOrigP, "id.orig_p")
		rec.Resp = f.endpoint(fRespH, "id.resp_h", fRespP, "id.resp_p")
	} else if rec.Kind == Packet {
		return // the packet's header has the endpoints and the protocol
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

// packet reads the fields of a packet record.
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
	if f.withoutEndpoints() {
		f.endpointsFromHeader(rec)
	}
}

// end reads the fields of an end record.
func (f *fields) end(rec *Record) {
	if f.values[fSent].kind != absent {
		rec.Sent = uint32(f.uint(fSent, "sent", 0, 1<<32-1))
	}
	if f.values[fConnState].kind != absent {
		rec.Closed = rec.Proto == TCP && closed(f.text(fConnState, "conn_state"))
	}
}

// Closed reports whether a connection was closed by FIN or RST, and did not just run
// into a timeout. It takes the IP protocol number and the conn_state of conn.log.
func Closed(proto uint8, connState string) bool {
	return proto == TCP && closed([]byte(connState))
}

// closed reports whether both sides of a TCP connection closed it. S2 and S3 are
// half-closed: the other side may still send.
func closed(connState []byte) bool {
	switch string(connState) {
	case "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR":
		return true
	}
	return false
}

package zeek

import "cmp"

// maxEnvelopes is how many envelopes may lie around a record: Filebeat's in Kafka
// Connect's, say. A tag is not counted.
const maxEnvelopes = 2

// unquote takes the line for what it means where it is one JSON string, for scan
// to look at. Another line stays, for scan to refuse.
func (f *fields) unquote() {
	s := scanner{line: f.line, pos: 1}
	v, ok := s.str()
	if s.space(); ok && s.pos == len(f.line) {
		f.line = f.bytes(v)
	}
}

// unwrap takes off the envelopes and the tag around a record. f then holds the
// fields of what was inside. An object with a uid of Zeek's, a text, is a record
// itself, whatever else it has: syslog.log has a "message" too.
func (f *fields) unwrap() *Error {
	for layer := 0; f.values[fEv].kind == absent && !f.isText(fUID); layer++ {
		at, inside := f.envelope()
		if at == fNone {
			return f.untag()
		}
		if layer == maxEnvelopes {
			return &Error{Reason: TooDeep, Field: envelopeName(at), Detail: "an envelope in an envelope in an envelope"}
		}
		*f = fields{line: inside, d: f.d}
		if err := f.scan(); err != nil {
			err.Field = cmp.Or(err.Field, envelopeName(at))
			return err
		}
	}
	return nil
}

// envelope gives the text inside an envelope, and the field that holds it; fNone
// where the object is none, or holds no object: a line of another program.
func (f *fields) envelope() (field, []byte) {
	for at := fOriginal; at <= fPayload; at++ {
		var text []byte
		switch v := f.values[at]; v.kind {
		case plain, escaped:
			text = f.bytes(v)
		case nested:
			text = f.line[v.start:v.end]
		}
		if s := (scanner{line: text}); s.take('{') {
			return at, text
		}
	}
	return fNone, nil
}

// envelopeName is the name of a field that holds a record, for errors.
func envelopeName(at field) string {
	return [...]string{"event.original", "message", "log", "payload"}[at-fOriginal]
}

// untag takes off the tag of zeek-kafka's tag_json, {"conn": {...}}. Constants
// may stand behind the tagged object (Kafka::additional_message_values).
func (f *fields) untag() *Error {
	s := scanner{line: f.line}
	if !s.take('{') || !s.take('"') {
		return nil
	}
	key, _ := s.str() // the object has been scanned: it is well-formed
	s.take(':')
	v, _ := s.value(0)
	if v.kind != nested || f.line[v.start] != '{' {
		return nil
	}
	tag := f.bytes(key)
	*f = fields{line: f.line[v.start:v.end], d: f.d, isConn: string(tag) == "conn"}
	return f.scan()
}

// flatten reads the members of an object as fields: "id":{"orig_h":...} says what
// "id.orig_h" says. It looks ahead on a scanner of its own. Where the object is
// not well-formed it stops, for the one who steps over the object finds that too.
func (f *fields) flatten(object field, s scanner) {
	if !s.take('{') {
		return
	}
	for s.take('"') {
		key, ok := s.str()
		if !ok || !s.take(':') {
			return
		}
		v, ok := s.value(1)
		if !ok {
			return
		}
		f.values[fieldWithin(object, f.bytes(key))] = v
		if !s.take(',') {
			return
		}
	}
}

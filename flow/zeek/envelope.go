package zeek

import "cmp"

// maxEnvelopes is how many envelopes there may be around a record: for example
// Filebeat's in Kafka Connect's. A tag does not count.
const maxEnvelopes = 2

// unquote replaces a line that is one JSON string by its content. It leaves any other
// line as it is, and scan refuses it.
func (f *fields) unquote() {
	s := scanner{line: f.line, pos: 1}
	v, ok := s.str()
	if s.space(); ok && s.pos == len(f.line) {
		f.line = f.bytes(v)
	}
}

// unwrap removes the envelopes and the tag around a record. f then holds the fields of
// what was inside. An object whose uid is a string is a record of Zeek and no envelope,
// whatever else it has: syslog.log has a "message", too.
func (f *fields) unwrap() *Error {
	for layer := 0; f.values[fEv].kind == absent && !f.isText(fUID); layer++ {
		at, inside := f.envelope()
		if at == fNone {
			return f.untag()
		}
		if layer == maxEnvelopes {
			return &Error{Reason: TooDeep, Field: envelopeName(at), Detail: "an envelope in an envelope in an envelope"}
		}
		*f = fields{line: inside, d: f.d, around: f.log()}
		if err := f.scan(); err != nil {
			err.Field = cmp.Or(err.Field, envelopeName(at))
			return err
		}
	}
	return nil
}

// envelope returns the text inside an envelope, and the field that holds it. It returns
// fNone if the object is no envelope, or if no object is in it.
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

// envelopeName is the name, in errors, of a field that holds a record.
func envelopeName(at field) string {
	return [...]string{"event.original", "message", "log", "payload"}[at-fOriginal]
}

// untag removes the tag of zeek-kafka's tag_json, {"conn": {...}}. Constants may follow
// the tagged object (Kafka::additional_message_values).
func (f *fields) untag() *Error {
	s := scanner{line: f.line}
	if !s.take('{') || !s.take('"') {
		return nil
	}
	key, _ := s.str() // scan has found the object to be valid
	s.take(':')
	v, _ := s.value(0)
	if v.kind != nested || f.line[v.start] != '{' {
		return nil
	}
	*f = fields{line: f.line[v.start:v.end], d: f.d, around: f.bytes(key)}
	return f.scan()
}

// flatten reads the members of an object as fields, so that "id":{"orig_h":...} is the
// same as "id.orig_h". It reads ahead on its own copy of the scanner. If the object is
// invalid it just stops: the caller reads the object again and finds the error.
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

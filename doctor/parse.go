package doctor

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/serveflow/serveflow/flow/zeek"
)

// inputRecord is one record of the input topic, decoded.
type inputRecord struct {
	raw      record      // as it was read from Kafka
	rec      zeek.Record // its byte slices are not valid: uid and sensor are copies
	uid      string
	sensor   string // empty where the record has none
	fields   map[string]json.RawMessage
	err      *zeek.Error // why it cannot be decoded
	otherLog string      // the log that it belongs to, where that is not serveflow's
	outlier  bool        // its time differs too much from its sensor's other records
}

// ofFlow reports whether the record belongs to a flow.
func (s *inputRecord) ofFlow() bool { return s.err == nil && s.rec.Kind != zeek.Other }

// packet reports whether this is a packet record.
func (s *inputRecord) packet() bool { return s.err == nil && s.rec.Kind == zeek.Packet }

// at returns the record's partition and offset, for evidence.
func (s *inputRecord) at() string {
	return fmt.Sprintf("partition %d, offset %d", s.raw.partition, s.raw.offset)
}

// parse decodes records as serveflow run does. conns: records of conn.log count as flows.
func parse(records []record, conns bool) []inputRecord {
	d := zeek.Decoder{Conns: conns}
	all := make([]inputRecord, len(records))
	for i, r := range records {
		s := &all[i]
		s.raw = r
		if s.err = decode(&d, r.value, &s.rec); s.err != nil {
			continue
		}
		s.uid, s.sensor = string(s.rec.UID), string(s.rec.Sensor)
		_ = json.Unmarshal(r.value, &s.fields) // the decoder has accepted it, so it is JSON
		if s.rec.Kind == zeek.Other {
			s.otherLog = logName(s.fields)
		}
		s.fields = unwrapped(s.fields)
	}
	return all
}

// unwrapped removes the tag that zeek-kafka puts around a record.
func unwrapped(fields map[string]json.RawMessage) map[string]json.RawMessage {
	if len(fields) != 1 {
		return fields
	}
	for _, inner := range fields {
		var within map[string]json.RawMessage
		if json.Unmarshal(inner, &within) == nil && within != nil {
			return within
		}
	}
	return fields
}

func decode(d *zeek.Decoder, value []byte, rec *zeek.Record) *zeek.Error {
	err := d.Decode(value, rec)
	var bad *zeek.Error
	if err != nil && !errors.As(err, &bad) {
		bad = &zeek.Error{Reason: zeek.BadSyntax, Detail: err.Error()}
	}
	return bad
}

// distinctFields are fields that only one of Zeek's logs has.
var distinctFields = []struct{ field, log string }{
	{"conn_state", "conn"}, {"qtype", "dns"}, {"query", "dns"}, {"user_agent", "http"}, {"method", "http"},
	{"server_name", "ssl"}, {"cipher", "ssl"}, {"fuid", "files"}, {"certificate.serial", "x509"}, {"note", "notice"}, {"software_type", "software"},
}

// logName guesses the log that a record belongs to, from its path, its tag or its fields.
func logName(fields map[string]json.RawMessage) string {
	var path string
	if json.Unmarshal(fields["_path"], &path) == nil && path != "" {
		return fmt.Sprintf("%.32q", path)
	}
	if len(fields) == 1 {
		for tag, inner := range fields {
			if len(inner) > 0 && inner[0] == '{' {
				return fmt.Sprintf("%.32q", tag)
			}
		}
	}
	for _, t := range distinctFields {
		if _, ok := fields[t.field]; ok {
			return t.log
		}
	}
	return "unknown"
}

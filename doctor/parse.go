package doctor

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/serveflow/serveflow/flow/zeek"
)

// seen is one record of the input topic and what it says.
type seen struct {
	record
	rec  zeek.Record // its byte slices do not hold: uid and sensor stand beside it
	uid  string
	from string // sensor; empty where the record names none
	bare map[string]json.RawMessage
	err  *zeek.Error // why it cannot be read
	log  string      // which log it is of, where it is not ours
	wild bool        // its time is far off from what its sensor's others say
}

// ours reports whether it is of a flow.
func (s *seen) ours() bool { return s.err == nil && s.rec.Kind != zeek.Other }

// packet reports whether it is a packet record.
func (s *seen) packet() bool { return s.err == nil && s.rec.Kind == zeek.Packet }

// at names where it lies.
func (s *seen) at() string { return fmt.Sprintf("partition %d, offset %d", s.partition, s.offset) }

// parse reads records as serveflow run would.
func parse(records []record, conns bool) []seen {
	d := zeek.Decoder{Conns: conns}
	all := make([]seen, len(records))
	for i, r := range records {
		s := &all[i]
		s.record = r
		if s.err = decode(&d, r.value, &s.rec); s.err != nil {
			continue
		}
		s.uid, s.from = string(s.rec.UID), string(s.rec.Sensor)
		_ = json.Unmarshal(r.value, &s.bare) // the decoder takes no more than JSON has
		if s.rec.Kind == zeek.Other {
			s.log = logName(s.bare)
		}
		s.bare = unwrapped(s.bare)
	}
	return all
}

// unwrapped takes off the tag that zeek-kafka puts around a record.
func unwrapped(bare map[string]json.RawMessage) map[string]json.RawMessage {
	if len(bare) != 1 {
		return bare
	}
	for _, inner := range bare {
		var within map[string]json.RawMessage
		if json.Unmarshal(inner, &within) == nil && within != nil {
			return within
		}
	}
	return bare
}

func decode(d *zeek.Decoder, value []byte, rec *zeek.Record) *zeek.Error {
	err := d.Decode(value, rec)
	var bad *zeek.Error
	if err != nil && !errors.As(err, &bad) {
		bad = &zeek.Error{Reason: zeek.BadSyntax, Detail: err.Error()}
	}
	return bad
}

// tells are fields that only one of Zeek's logs has.
var tells = []struct{ field, log string }{
	{"conn_state", "conn"}, {"qtype", "dns"}, {"query", "dns"}, {"user_agent", "http"}, {"method", "http"},
	{"server_name", "ssl"}, {"cipher", "ssl"}, {"fuid", "files"}, {"certificate.serial", "x509"}, {"note", "notice"}, {"software_type", "software"},
}

// logName guesses which log a record is of: by its path, its tag or its fields.
func logName(bare map[string]json.RawMessage) string {
	var path string
	if json.Unmarshal(bare["_path"], &path) == nil && path != "" {
		return fmt.Sprintf("%.32q", path)
	}
	if len(bare) == 1 {
		for tag, inner := range bare {
			if len(inner) > 0 && inner[0] == '{' {
				return fmt.Sprintf("%.32q", tag)
			}
		}
	}
	for _, t := range tells {
		if _, ok := bare[t.field]; ok {
			return t.log
		}
	}
	return "unknown"
}

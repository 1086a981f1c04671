package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// resender makes records new ones: their flows are labelled although a serveflow knows them.
// It gives them a sensor of their own, since a flow is known by sensor and uid, and since
// each sensor has its own clock: the times of the records step back.
type resender struct {
	run     string
	decoder zeek.Decoder
}

// newResender builds a resender for one run of send, which begins now.
func newResender(now time.Time) *resender {
	return &resender{run: now.UTC().Format("20060102T150405.000Z")}
}

// rename returns the record with another sensor: "replay@20260102T030405.678Z", or the
// record's own in front of the @.
func (r *resender) rename(record []byte) ([]byte, error) {
	if r.decoder.Decode(record, &zeek.Record{}) != nil {
		return record, nil // the player says what is wrong with it
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(record, &fields); err != nil {
		return nil, err
	}
	if fields["uid"] != nil {
		return r.set(fields)
	}
	for name, value := range fields { // {"conn": {...}}, as zeek-kafka writes it
		inner := map[string]json.RawMessage{}
		if !bytes.HasPrefix(value, []byte("{")) || json.Unmarshal(value, &inner) != nil || inner["uid"] == nil {
			continue
		}
		renamed, err := r.set(inner)
		if err != nil {
			return nil, err
		}
		fields[name] = renamed
		return json.Marshal(fields)
	}
	return nil, errors.New("send --again takes records as Zeek writes them; this one has no uid of its own, so it is in some envelope")
}

func (r *resender) set(fields map[string]json.RawMessage) ([]byte, error) {
	var own string
	if fields["sensor"] != nil {
		if err := json.Unmarshal(fields["sensor"], &own); err != nil {
			return nil, err
		}
	}
	name, err := json.Marshal(cmp.Or(own, "replay") + "@" + r.run)
	if err != nil {
		return nil, err
	}
	fields["sensor"] = name
	return json.Marshal(fields)
}

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// resender makes records those of new flows: they are labelled although a serveflow knows
// the old ones. It gives each flow another uid, by which it is known, and all of them a
// sensor of their own, because each sensor has its own clock: their times step back.
type resender struct {
	run     string // short, and another one each time
	decoder zeek.Decoder
}

// newResender builds a resender for one run of send, which begins now.
func newResender(now time.Time) *resender {
	return &resender{run: strconv.FormatInt(now.UnixMilli(), 36)}
}

// rename returns the record with the run behind its uid and sensor: "CHhAvVGS1DHFjwGM9-m1k2j3h4"
// and "replay-m1k2j3h4".
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
	for name, unset := range map[string]string{"uid": "", "sensor": "replay"} {
		var own string
		if fields[name] != nil {
			if err := json.Unmarshal(fields[name], &own); err != nil {
				return nil, err
			}
		}
		renamed, err := json.Marshal(cmp.Or(own, unset) + "-" + r.run)
		if err != nil {
			return nil, err
		}
		fields[name] = renamed
	}
	return json.Marshal(fields)
}

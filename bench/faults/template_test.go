package faults

import (
	"bytes"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/process"
)

// labRecords is the file of the lab's packet and end records, relative to the repository's
// root.
const labRecords = "testdata/records/lab.jsonl.zst"

// template is a flow of the lab: its records, and the label that replay gives it.
type template struct {
	records []timedRecord
	span    int64            // microseconds from the first record to the last
	want    label            // its times are relative to the flow's first packet
	wants   map[string]label // the same of each version of the bundle, by bundle_digest; empty: there is one
}

// wanted is what replay says under the bundle with a digest, or under the first one where
// that is none of the versions.
func (tpl *template) wanted(digest string) label {
	if want, is := tpl.wants[digest]; is {
		return want
	}
	return tpl.want
}

// timedRecord is a record and the time at which it was written.
type timedRecord struct {
	at  int64       // microseconds after the flow's first record
	rec zeek.Record // its TS is relative to the flow's first record
}

// silentSince returns the time since which the flow is silent when a record is due: the time
// of the record before. Where the gap is so long that replay ends the flow there too, it
// returns the record's own time.
func (tpl *template) silentSince(record int) int64 {
	at := tpl.records[record].at
	if record > 0 && at-tpl.records[record-1].at < 2e6 { // SERVEFLOW_FLOW_IDLE
		return tpl.records[record-1].at
	}
	return at
}

// templates returns the lab's flows, with the labels that `serveflow replay` gives them under
// these settings.
func templates(t *testing.T, settings []string) []*template {
	t.Helper()
	order, all, firsts := flowsOf(t, labLines(t))
	replay := exec.Command(serveflowBinary(t), "replay", labRecords)
	replay.Dir, replay.Env = repository, process.Environment(settings...)
	var stderr bytes.Buffer
	replay.Stderr = &stderr
	out, err := replay.Output()
	if err != nil {
		t.Fatalf("replay: %v\n%s", err, &stderr)
	}
	for line := range bytes.Lines(out) {
		l, err := parseLabel(line)
		if err != nil {
			t.Fatal(err)
		}
		tpl := all[l.UID]
		l.first -= firsts[l.UID]
		l.last -= firsts[l.UID]
		tpl.want = l
	}
	for _, tpl := range order {
		if tpl.want.Label == "" {
			t.Fatal("replay gave a flow of the lab no label")
		}
	}
	return order
}

func labLines(t *testing.T) []byte {
	t.Helper()
	return readCompressed(t, repository+"/"+labRecords)
}

// flowsOf groups the records by flow, in order of their first record and by uid; firsts holds
// the time of each flow's first record. A record was written at the time of the newest packet
// before it in the file, since an end record's own time is much older.
func flowsOf(t *testing.T, lines []byte) (order []*template, all map[string]*template, firsts map[string]int64) {
	t.Helper()
	var decoder zeek.Decoder
	all, firsts = map[string]*template{}, map[string]int64{}
	newest := int64(math.MinInt64)
	for line := range bytes.Lines(lines) {
		var rec zeek.Record
		if err := decoder.Decode(bytes.TrimSpace(line), &rec); err != nil {
			t.Fatal(err)
		}
		if rec.Kind == zeek.Packet {
			newest = max(newest, rec.TS)
		}
		uid := string(rec.UID)
		tpl := all[uid]
		if tpl == nil {
			tpl = &template{}
			order, all[uid], firsts[uid] = append(order, tpl), tpl, rec.TS
		}
		rec.Hdr, rec.Sensor = bytes.Clone(rec.Hdr), bytes.Clone(rec.Sensor)
		rec.TS -= firsts[uid]
		tpl.records = append(tpl.records, timedRecord{newest - firsts[uid], rec})
	}
	for _, tpl := range order {
		offset := tpl.records[0].at
		for i := range tpl.records {
			tpl.records[i].at -= offset
		}
		tpl.span = tpl.records[len(tpl.records)-1].at
	}
	return order, all, firsts
}

// micros converts microseconds to a duration.
func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

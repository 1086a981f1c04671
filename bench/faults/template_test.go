package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/process"
)

// labRecords are the lab's packet and end records, from the repository's root.
const labRecords = "testdata/records/lab.jsonl.zst"

// template is a flow of the lab: its records, and the label that they must get.
type template struct {
	records []timed
	span    int64 // microseconds from the first record to the last
	want    label // times from the flow's first packet
}

// timed is a record and when it was written, microseconds after its flow's first.
type timed struct {
	at  int64
	rec zeek.Record // TS likewise
}

// before is when a record's flow fell silent before it: when the record before was
// due, or this one where that lies so far back that replay, too, ends the flow there.
func (f *template) before(record int) int64 {
	at := f.records[record].at
	if record > 0 && at-f.records[record-1].at < 2e6 { // SERVEFLOW_FLOW_IDLE
		return f.records[record-1].at
	}
	return at
}

// templates are the lab's flows, with the labels that `serveflow replay` gives them
// under these settings.
func templates(t *testing.T, settings []string) []*template {
	t.Helper()
	order, all, firsts := flowsOf(t, labLines(t))
	replay := exec.Command(executable(t), "replay", labRecords)
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
		f := all[l.UID]
		l.first -= firsts[l.UID]
		l.last -= firsts[l.UID]
		f.want = l
	}
	for _, f := range order {
		if f.want.Label == "" {
			t.Fatal("replay gave a flow of the lab no label")
		}
	}
	return order
}

func labLines(t *testing.T) []byte {
	t.Helper()
	return unpacked(t, labRecords)
}

// flowsOf takes the records apart by flow. A record was written when the newest
// packet before it in the file came: an end record's own time is much older.
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
		f := all[uid]
		if f == nil {
			f = &template{}
			order, all[uid], firsts[uid] = append(order, f), f, rec.TS
		}
		rec.Hdr, rec.Sensor = bytes.Clone(rec.Hdr), bytes.Clone(rec.Sensor)
		rec.TS -= firsts[uid]
		f.records = append(f.records, timed{newest - firsts[uid], rec})
	}
	for _, f := range order {
		offset := f.records[0].at
		for i := range f.records {
			f.records[i].at -= offset
		}
		f.span = f.records[len(f.records)-1].at
	}
	return order, all, firsts
}

// label is a label record without its wall-clock fields.
type label struct {
	ID          string `json:"label_id"`
	Schema      string `json:"schema"`
	UID         string `json:"uid"`
	OrigH       string `json:"orig_h"`
	OrigP       int    `json:"orig_p"`
	RespH       string `json:"resp_h"`
	RespP       int    `json:"resp_p"`
	Proto       string `json:"proto"`
	Sensor      string `json:"sensor"`
	Task        string `json:"task"`
	Label       string `json:"label"`
	Final       bool   `json:"final"`
	Seq         int    `json:"seq"`
	Stage       string `json:"stage"`
	Packets     int    `json:"packets"`
	Gap         bool   `json:"gap"`
	Reason      string `json:"reason"`
	Bundle      string `json:"bundle"`
	Digest      string `json:"bundle_digest"`
	first, last int64  // ts_first, ts_packet, microseconds
	wait        float64
	p           probabilities
}

// probabilities are what the slow stage may give by a millionth otherwise in
// another batch.
type probabilities struct {
	Confidence, Uncertainty, Threshold float64
	Top                                [3]float64
	Names                              [3]string
}

func parseLabel(value []byte) (label, error) {
	var v struct {
		label
		First       float64 `json:"ts_first"`
		Last        float64 `json:"ts_packet"`
		Wait        float64 `json:"wait_ms"`
		Confidence  float64 `json:"confidence"`
		Uncertainty float64 `json:"uncertainty"`
		Threshold   float64 `json:"threshold"`
		Top         []struct {
			Label string
			P     float64
		} `json:"top"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return label{}, fmt.Errorf("label record %s: %w", value, err)
	}
	l := v.label
	l.first, l.last = int64(math.Round(v.First*1e6)), int64(math.Round(v.Last*1e6))
	l.wait = v.Wait
	l.p = probabilities{Confidence: v.Confidence, Uncertainty: v.Uncertainty, Threshold: v.Threshold}
	for i, guess := range v.Top[:min(3, len(v.Top))] {
		l.p.Top[i], l.p.Names[i] = guess.P, guess.Label
	}
	return l, nil
}

// exception tells whether the label says itself that it depends on more than the
// flow's records.
func (l *label) exception() bool {
	switch l.Reason {
	case "degraded", "breaker", "evicted":
		return true
	}
	return false
}

// is tells whether a label is the one wanted but for ids and the times' origin: the
// flow began at start.
func (l label) is(want label, start int64) bool {
	l.first -= start
	l.last -= start
	l.ID, l.UID = want.ID, want.UID
	got := l.p
	l.p = want.p
	return l == want && got.near(want.p, l.Stage)
}

// near allows the slow stage a millionth.
func (p probabilities) near(q probabilities, stage string) bool {
	if stage != "slow" {
		return p == q
	}
	same := func(x, y float64) bool { return math.Abs(x-y) < 1.5e-6 }
	near := same(p.Confidence, q.Confidence) && same(p.Uncertainty, q.Uncertainty) && p.Threshold == q.Threshold && p.Names == q.Names
	for i := range p.Top {
		near = near && same(p.Top[i], q.Top[i])
	}
	return near
}

// difference names what a label has otherwise than wanted.
func (l label) difference(want label, start int64) string {
	l.first, l.last, l.ID, l.UID = l.first-start, l.last-start, want.ID, want.UID
	got, wanted := strings.Fields(fmt.Sprintf("%+v", l)), strings.Fields(fmt.Sprintf("%+v", want))
	var parts []string
	for i := range min(len(got), len(wanted)) {
		if got[i] != wanted[i] {
			parts = append(parts, fmt.Sprintf("%s, not %s", got[i], wanted[i]))
		}
	}
	return strings.Join(parts, "; ")
}

// seconds is a number of microseconds as a duration.
func seconds(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/flow/zeek"
)

// decodedLab are the lab's records.
func decodedLab(t *testing.T) []zeek.Record {
	t.Helper()
	t.Chdir(repositoryRoot(t))
	var all []zeek.Record
	for _, line := range labRecords(t, "lab") {
		var decoder zeek.Decoder // of its own: what it gives aliases its scratch
		var rec zeek.Record
		if err := decoder.Decode(line, &rec); err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

// labelsOf replays records and gives each flow's label, without its wall-clock fields
// and what may depend on the slow stage's batch.
func labelsOf(t *testing.T, records []zeek.Record) map[string]string {
	t.Helper()
	var in []byte
	for i := range records {
		in = append(zeek.AppendRecord(in, &records[i]), '\n')
	}
	labels := map[string]string{}
	code, stdout, stderr := runCommand(t, nil, string(in), "replay", "-")
	if code != exitOK {
		t.Fatalf("replay: exit code %d: %s", code, stderr)
	}
	for line := range strings.Lines(stdout) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		if fields["stage"] == "slow" { // in another batch they may differ by a millionth
			delete(fields, "confidence")
			delete(fields, "uncertainty")
			delete(fields, "top")
		}
		uid := fields["uid"].(string)
		if _, twice := labels[uid]; twice {
			t.Errorf("%s is labelled twice", uid)
		}
		text, _ := json.Marshal(fields)
		labels[uid] = string(text)
	}
	return labels
}

func compareLabels(t *testing.T, want, got map[string]string) {
	t.Helper()
	faults := 0
	for _, uid := range slices.Sorted(maps.Keys(want)) {
		if got[uid] != want[uid] {
			if faults++; faults <= 3 {
				t.Errorf("%s: got %s\nwant %s", uid, got[uid], want[uid])
			}
		}
	}
	if faults > 0 {
		t.Errorf("%d of %d labels differ", faults, len(want))
	}
}

const tenYears = 10 * 365 * 24 * time.Hour

// A record with a wild time, of a flow of its own or of one of the lab's, anywhere
// in the input: all other flows get the labels that they get without it.
func TestWildRecordHarmsOnlyItsOwnFlow(t *testing.T) {
	onnxtest.Library(t)
	records := decodedLab(t)
	want := labelsOf(t, records)
	for _, leap := range []time.Duration{tenYears, -tenYears, 3 * time.Minute} {
		for _, at := range []int{0, 1, len(records) / 2} {
			for _, own := range []bool{true, false} {
				t.Run(fmt.Sprintf("%v at %d, own flow %v", leap, at, own), func(t *testing.T) {
					wild := records[at]
					wild.TS += leap.Microseconds()
					all := slices.Clone(records)
					if own {
						wild.UID = []byte("CwildWildWildWild")
						all = slices.Insert(all, at, wild)
					} else {
						all[at] = wild
					}
					others := maps.Clone(want)
					delete(others, string(wild.UID))
					got := labelsOf(t, all)
					compareLabels(t, others, got)
					if got[string(wild.UID)] == "" {
						t.Error("the wild record's own flow has no label")
					}
				})
			}
		}
	}
}

// Two sensors minutes apart on one partition, whose records come in turns of so many,
// as shippers that catch up send them: each one's flows are labelled as if it were
// alone.
func TestSensorsApartAreLabelledAsIfAlone(t *testing.T) {
	onnxtest.Library(t)
	for _, apart := range []time.Duration{30 * time.Second, 5 * time.Minute, -5 * time.Minute} {
		for _, turn := range []int{1, 200} {
			var both, east, west []zeek.Record
			for _, rec := range decodedLab(t) {
				if rec.UID[len(rec.UID)-1]%2 == 0 {
					rec.Sensor = []byte("east")
					rec.TS += apart.Microseconds()
					east = append(east, rec)
				} else {
					rec.Sensor = []byte("west")
					west = append(west, rec)
				}
			}
			for e, w := east, west; len(e)+len(w) > 0; {
				n, m := min(turn, len(e)), min(turn, len(w))
				both = append(append(both, e[:n]...), w[:m]...)
				e, w = e[n:], w[m:]
			}
			want := labelsOf(t, east)
			maps.Copy(want, labelsOf(t, west))
			compareLabels(t, want, labelsOf(t, both))
		}
	}
}

// The capture is played again, with new uids: at its old times, and hours before.
func TestTimeThatGoesBackHarmsNothing(t *testing.T) {
	onnxtest.Library(t)
	first := decodedLab(t)
	for _, back := range []time.Duration{0, 3 * time.Hour} {
		again := slices.Clone(first)
		for i := range again {
			rec := &again[i]
			rec.UID = append([]byte("Z"), rec.UID...)
			rec.TS -= back.Microseconds()
		}
		want := labelsOf(t, first)
		maps.Copy(want, labelsOf(t, again))
		compareLabels(t, want, labelsOf(t, append(slices.Clone(first), again...)))
	}
}

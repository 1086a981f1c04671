package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func verdict() cascade.Verdict {
	return cascade.Verdict{
		UID: "CHhAvVGS1DHFjwGM9", Sensor: "lab", Proto: 6,
		Orig: netip.MustParseAddrPort("10.0.0.1:49152"), Resp: netip.MustParseAddrPort("[2001:db8::2]:443"),
		Spec:  &cascade.Spec{Task: "service", Bundle: "service@1", Digest: "abcdef", Classes: []string{"dns", "http"}},
		Stage: "first", Final: true, Seq: 3, Reason: cascade.Confident,
		Top:         [3]cascade.Guess{{Label: "http", P: .9123456789}, {Label: "dns", P: .0876543211}},
		Uncertainty: .1753086422, Threshold: .25, Packets: 1,
		First: 1_700_000_000_000_042, Last: 1_700_000_000_012_042,
		Decided: time.UnixMicro(1_700_000_000_020_000), Computed: 23456 * time.Nanosecond,
	}
}

func TestLabelRecord(t *testing.T) {
	v := verdict()
	got := append(AppendLabel(nil, &v), '\n')
	const golden = "testdata/label.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestLabelRecordIsJSON(t *testing.T) {
	v := verdict()
	v.Sensor = "quote \" backslash \\ tab \t bell \a umlaut ü"
	v.Top[0].Label = "line\nbreak"
	var got struct {
		Sensor string
		Label  string
		Top    []struct {
			Label string
			P     float64
		}
	}
	if err := json.Unmarshal(AppendLabel(nil, &v), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sensor != v.Sensor || got.Label != v.Top[0].Label || len(got.Top) != 2 {
		t.Errorf("%+v", got)
	}
}

// An id follows from what was asked of which flow, and from nothing else.
func TestLabelID(t *testing.T) {
	base := verdict()
	same := base
	same.Decided, same.Computed, same.Stage, same.Packets = time.Now(), time.Second, "slow", 9
	if LabelID(&base) != LabelID(&same) {
		t.Error("the id depends on more than the question")
	}
	changes := map[string]func(*cascade.Verdict){
		"sensor": func(v *cascade.Verdict) { v.Sensor = "other" },
		"uid":    func(v *cascade.Verdict) { v.UID = "C" },
		"start":  func(v *cascade.Verdict) { v.First++ },
		"final":  func(v *cascade.Verdict) { v.Final = false },
		"task":   func(v *cascade.Verdict) { v.Spec = &cascade.Spec{Task: "device", Digest: "abcdef"} },
		"digest": func(v *cascade.Verdict) { v.Spec = &cascade.Spec{Task: "service", Digest: "abcdee"} },
		"shift":  func(v *cascade.Verdict) { v.Sensor, v.UID = v.Sensor+v.UID[:1], v.UID[1:] },
	}
	seen := map[string]string{LabelID(&base): "base"}
	for name, change := range changes {
		v := verdict()
		change(&v)
		if twin, ok := seen[LabelID(&v)]; ok {
			t.Errorf("another %s gives the id of %s", name, twin)
		}
		seen[LabelID(&v)] = name
	}
}

// ack counts acknowledgements.
type ack struct{ n int }

func (a *ack) Ack() { a.n++ }

func TestLines(t *testing.T) {
	var out bytes.Buffer
	lines, a := NewLines(&out), &ack{}
	v := verdict()
	v.Acker = a
	for range 3 {
		lines.Put(&v)
	}
	if err := lines.Flush(); err != nil || a.n != 3 || bytes.Count(out.Bytes(), []byte("\n")) != 3 {
		t.Errorf("%v, %d acknowledged, %d lines", err, a.n, bytes.Count(out.Bytes(), []byte("\n")))
	}
}

var errFull = errors.New("no space left on device")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestLinesSayThatTheDiskIsFull(t *testing.T) {
	lines, a := NewLines(full{}), &ack{}
	v := verdict()
	v.Acker = a
	for range 1000 {
		lines.Put(&v)
	}
	if !errors.Is(lines.Err(), errFull) || !errors.Is(lines.Flush(), errFull) || a.n == 1000 {
		t.Errorf("%v, %d acknowledged", lines.Err(), a.n)
	}
}

func TestLabelFieldsAreLowerSnakeCase(t *testing.T) {
	v := verdict()
	var fields map[string]any
	if err := json.Unmarshal(AppendLabel(nil, &v), &fields); err != nil {
		t.Fatal(err)
	}
	var bad []string
	for name := range fields {
		for _, c := range name {
			if c != '_' && (c < 'a' || c > 'z') {
				bad = append(bad, name)
			}
		}
	}
	if !reflect.DeepEqual(bad, []string(nil)) || len(fields) != 28 {
		t.Errorf("%d fields, %v not lower snake case", len(fields), bad)
	}
}

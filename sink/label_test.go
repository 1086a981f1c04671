package sink

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
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

// Strings have the same bytes in every record: only what JSON does not allow is escaped, and
// a string with such a character is escaped as encoding/json does it.
func TestStrings(t *testing.T) {
	for s, want := range map[string]string{
		"":              `""`,
		"http":          `"http"`,
		"a <b> & ~c":    `"a <b> & ~c"`,
		"say \"<\"":     `"say \"\u003c\""`,
		"back\\slash <": `"back\\slash \u003c"`,
		"line\nbreak <": `"line\nbreak \u003c"`,
		"\x1f":          `"\u001f"`,
		"\x7f <":        "\"\x7f \\u003c\"",
		"größe <":       `"größe \u003c"`,
		"\xff":          `"\ufffd"`,
	} {
		got := string(appendString([]byte("x"), s))
		if got != "x"+want {
			t.Errorf("%q is written as %s, want %s", s, got[1:], want)
		}
	}
}

// A label that no stage gave has no guesses.
func TestUnsupportedLabel(t *testing.T) {
	v := verdict()
	v.Proto, v.Stage, v.Reason, v.Uncertainty, v.Threshold, v.Top = 1, "", cascade.Unsupported, 1, 0, [3]cascade.Guess{}
	got := string(AppendLabel(nil, &v))
	const want = `"proto":"icmp","sensor":"lab","task":"service","label":"unknown","confidence":0,"top":[],"final":true,"seq":3,"stage":"","uncertainty":1,"threshold":0,"packets":1,"gap":false,"reason":"unsupported",`
	if !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Each field of a record comes from its own field of the verdict.
func TestLabelFields(t *testing.T) {
	v := verdict()
	v.Sensor, v.Spec.Task = "sensor \"1\"", "device"
	v.Gap, v.Final, v.Seq, v.Reason = true, false, 0, cascade.Reason("timeout")
	v.Top = [3]cascade.Guess{{Label: "line\nbreak", P: 0.5}}
	v.First, v.Last, v.Computed = 999_999, 2_000_000, 1499*time.Nanosecond
	got := string(AppendLabel([]byte("before"), &v))
	if !strings.HasPrefix(got, "before{") || !json.Valid([]byte(got[len("before"):])) {
		t.Fatal(got)
	}
	for _, field := range []string{
		`"sensor":"sensor \"1\""`, `"task":"device"`, `"gap":true`, `"final":false`, `"seq":0`, `"reason":"timeout"`,
		`"label":"line\nbreak","confidence":0.5,"top":[{"label":"line\nbreak","p":0.5}],`,
		`"ts_first":0.999999`, `"ts_packet":2.000000`, `"wait_ms":1000.001`, `"compute_us":1}`,
	} {
		if !strings.Contains(got, field) {
			t.Errorf("no %s in %s", field, got)
		}
	}
	v.Top = [3]cascade.Guess{{Label: "a", P: 0.5}, {Label: "b", P: 0.25}, {Label: "c", P: 0.125}}
	if got, want := string(AppendLabel(nil, &v)), `"top":[{"label":"a","p":0.5},{"label":"b","p":0.25},{"label":"c","p":0.125}]`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}

func TestProtoName(t *testing.T) {
	want := map[uint8]string{1: "icmp", 58: "icmp", 6: "tcp", 17: "udp"}
	for proto := range 256 {
		if got, want := protoName(uint8(proto)), cmp.Or(want[uint8(proto)], "unknown_transport"); got != want {
			t.Errorf("protocol %d is %s, want %s", proto, got, want)
		}
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
	if len(bad) > 0 || len(fields) != 28 {
		t.Errorf("%d fields, %v not lower snake case", len(fields), bad)
	}
}

// A fraction has the digits of the number that is nearest, and no more.
func TestFractions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, .5, .1, 1e-6, 4e-7, -4e-7, 5e-7, .9999995, .999999, 123456.789, 1e9, 999999999.999999, 1e10, -1e10, 1e15, 1e300}
	for range 100_000 {
		numbers = append(numbers, rng.Float64(), rng.NormFloat64()*1e6, rng.ExpFloat64()*1e-5)
	}
	for _, x := range numbers {
		if got, want := string(appendFraction([]byte("x"), x)), "x"+strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64); got != want {
			t.Errorf("%v is written as %s, want %s", x, got[1:], want[1:])
		}
	}
}

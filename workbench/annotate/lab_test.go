package annotate

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/internal/lab"
)

// What other programs really wrote of the lab's capture: ndpiReader 4.2 (-C), Suricata 7.0.10 with
// lab.rules (its alerts, and three events of another kind), NFStream 6.6 (eight flows).
const (
	labNDPI     = "lab.ndpi.csv.zst"
	labEVE      = "lab.eve.json"
	labNFStream = "lab.nfstream.csv"
	labTruth    = "../../testdata/captures/lab.labels.csv"
)

func labSource(t testing.TB, name string) io.Reader {
	t.Helper()
	path := filepath.Join("testdata", name)
	if strings.HasSuffix(name, ".zst") {
		return lab.Unpack(t, path)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// labelled is the lab, labelled from a source with the rules in lab.map.csv, or without any.
func labelled(t testing.TB, kind Kind, source string, opt Options, ruled bool) (*Labeller, *Report) {
	t.Helper()
	if ruled {
		text, err := io.ReadAll(labSource(t, "lab.map.csv"))
		if err != nil {
			t.Fatal(err)
		}
		opt.Rules = rulesOf(t, string(text))
	}
	l := New(labTable(t), opt)
	rep, err := l.Apply(t.Context(), kind, string(kind), labSource(t, source))
	if err != nil {
		t.Fatal(err)
	}
	checkSum(t, rep)
	return l, rep
}

// The truth of the lab, read as a source, labels exactly the flows that it names.
func TestLabTruth(t *testing.T) {
	l := New(labTable(t), options())
	in, err := os.Open(labTruth)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rep, err := l.Apply(t.Context(), Labels, "truth", in)
	if err != nil || rep.Rows != 574 || rep.Hits != 574 || len(given(t, l)) != 574 {
		t.Errorf("%+v %v", rep, err)
	}
}

// What the sources say of the lab is held against its truth. Every row but those without a name
// finds its flow; what differs from the truth is listed in the golden file.
func TestLabAgainstItsTruth(t *testing.T) {
	truth := New(labTable(t), options())
	in, err := os.Open(labTruth)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := truth.Apply(t.Context(), Labels, "truth", in); err != nil {
		t.Fatal(err)
	}
	known := given(t, truth)
	var report strings.Builder
	for _, tt := range []struct {
		kind   Kind
		source string
		opt    Options
	}{
		{NDPI, labNDPI, options()},
		{NDPI, labNFStream, Options{Slack: options().Slack, Guesses: true}},
		{Suricata, labEVE, options()},
	} {
		l, rep := labelled(t, tt.kind, tt.source, tt.opt, true)
		counts, right, all := map[string]int{}, 0, 0
		for uid, label := range given(t, l) {
			got, _, _ := strings.Cut(label, " ")
			want, _, _ := strings.Cut(known[uid], " ")
			if all++; got == want {
				right++
			} else {
				counts[fmt.Sprintf("  %s is %s in truth", got, want)]++
			}
		}
		fmt.Fprintf(&report, "%s: %d rows, %d matched; %d flows, of which %d agree with the truth\n", tt.source, rep.Rows, rep.Hits, all, right)
		for _, skip := range rep.Skips {
			fmt.Fprintf(&report, "  %d %s\n", skip.Rows, skip.Why)
		}
		for _, text := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&report, "%s: %d\n", text, counts[text])
		}
	}
	t.Logf("\n%s", report.String())
	golden(t, "lab.agreement.txt", report.String())
}

// Without rules, labels are what the sources call things.
func TestLabWithoutRules(t *testing.T) {
	var report strings.Builder
	for kind, source := range map[Kind]string{NDPI: labNDPI, Suricata: labEVE} {
		l, _ := labelled(t, kind, source, options(), false)
		byLabel, _ := l.Counts()
		for _, label := range l.Labels() {
			fmt.Fprintf(&report, "%s %s %d\n", kind, label, byLabel[label])
		}
	}
	lines := strings.Split(strings.TrimSuffix(report.String(), "\n"), "\n")
	slices.Sort(lines)
	golden(t, "lab.names.txt", strings.Join(lines, "\n")+"\n")
}

// NFStream says which names it guessed from the port alone.
func TestGuesses(t *testing.T) {
	_, rep := labelled(t, NDPI, labNFStream, options(), false)
	if rep.Hits != 0 || len(rep.Skips) != 2 || rep.Skips[0].Why != string(skipGuess) {
		t.Errorf("%+v", rep)
	}
	if l, _ := labelled(t, NDPI, labNFStream, Options{Guesses: true}, false); len(given(t, l)) != 6 {
		t.Errorf("%v", given(t, l))
	}
}

// What was written is read again as it is.
func TestRoundTrip(t *testing.T) {
	l, _ := labelled(t, NDPI, labNDPI, options(), false)
	var out strings.Builder
	if _, err := l.Write(&out, []string{"lab"}, false); err != nil {
		t.Fatal(err)
	}
	again := New(labTable(t), options())
	rep := apply(t, again, Labels, out.String())
	want, got := given(t, l), given(t, again)
	for uid := range want {
		want[uid] = strings.TrimSuffix(want[uid], string(NDPI)) + string(Labels)
	}
	if !maps.Equal(got, want) || rep.Hits != rep.Rows {
		t.Errorf("%d flows of %d; %+v", len(got), len(want), rep)
	}
}

// Traffic of a web server, a TLS server with two names and a resolver, with its payload: nDPI
// names servers, and Suricata's rules look into HTTP, TLS and DNS.
func TestNamed(t *testing.T) {
	records, err := io.ReadAll(lab.Unpack(t, "testdata/named.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind   Kind
		source string
		rules  string
		want   map[string]int
	}{
		{NDPI, "named.ndpi.csv", "dns,dns\n.example.net,video\n.example.com,mail\nhttp,web\n", map[string]int{"dns": 6, "video": 2, "mail": 2, "web": 4}},
		{NDPI, "named.ndpi.csv", ".example.net,video\n", map[string]int{"video": 4}}, // its DNS, too
		{Suricata, "named.eve.json", "*plain HTTP*,web\n*video*,video\n1000012,asked\n", map[string]int{"asked": 2, "video": 2, "web": 4}},
		{Suricata, "named.eve.json", "", map[string]int{"Potentially Bad Traffic": 2, "Misc activity": 2, "Potential Corporate Privacy Violation": 4}},
	} {
		opt := options()
		if tt.rules != "" {
			opt.Rules = rulesOf(t, tt.rules)
		}
		l := New(tableOf(t, string(records)), opt)
		rep, err := l.Apply(t.Context(), tt.kind, "x", labSource(t, tt.source))
		if err != nil {
			t.Fatal(err)
		}
		checkSum(t, rep)
		if got, _ := l.Counts(); !maps.Equal(got, tt.want) {
			t.Errorf("%s %q: %v, want %v; %+v", tt.source, tt.rules, got, tt.want, rep)
		}
	}
}

// nDPId says more of a flow as it sees more; its last word holds, with the length in front or not.
func TestNDPId(t *testing.T) {
	event := func(name, more string) string {
		return fmt.Sprintf(`{"flow_event_name":%q,"l4_proto":"tcp","src_ip":"10.0.0.1","dst_ip":"192.0.2.1","src_port":1,"dst_port":443,"flow_first_seen":1700000000000000,"flow_src_last_pkt_time":1700000001000000%s}`+"\n", name, more)
	}
	for _, tt := range []struct {
		text, want string
		other      int
	}{
		{"00321" + event("new", "") + "00400" + event("detected", `,"ndpi":{"proto":"TLS","confidence":{"6":"DPI"}}`) + event("detection-update", `,"ndpi":{"proto":"TLS.YouTube","hostname":"x.googlevideo.com","confidence":{"6":"DPI"}}`) + "\n\n", "TLS.YouTube ndpi", 1},
		{event("guessed", `,"ndpi":{"proto":"TLS"}`), "", 0},
		{event("detected", `,"ndpi":{"proto":"TLS","confidence":{"1":"Match by port"}}`), "", 0},
		{event("not-detected", `,"ndpi":{"proto":"Unknown"}`), "", 0},
		{strings.Replace(event("detected", `,"ndpi":{"proto":"TLS"}`), `"tcp"`, "6", 1), "TLS ndpi", 0},
	} {
		l := New(tableOf(t, packet("C1", 1, 1.7e9, 1, 443)), options())
		rep := apply(t, l, NDPI, tt.text)
		if got := given(t, l)["C1"]; got != tt.want || rep.Other != tt.other {
			t.Errorf("%s: %q, want %q; %+v", tt.text, got, tt.want, rep)
		}
	}
}

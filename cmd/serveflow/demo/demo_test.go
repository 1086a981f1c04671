package demo

import (
	"bytes"
	"context"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
	"github.com/serveflow/serveflow/sink/producer"
)

func TestQuantile(t *testing.T) {
	sorted := []float64{1, 2, 3, 4}
	for q, want := range map[float64]float64{0: 1, .25: 1, .5: 2, .51: 3, .9: 4, .99: 4, 1: 4} {
		if got := quantile(sorted, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

// labelled is a label with the true one.
func labelled(truth, label string) *Label {
	return &Label{Known: truth, Record: &labels.Record{Label: label}}
}

// decided is a label with its stage and reason, and how long it took.
func decided(took time.Duration, stage, reason string) *Label {
	return &Label{Took: took, Record: &labels.Record{Stage: stage, Reason: reason}}
}

func TestScore(t *testing.T) {
	all := []*Label{
		labelled("a", "a"), labelled("a", "a"), labelled("a", "b"), labelled("b", "b"), labelled("c", "z"), labelled("", "a"),
	}
	accuracy, f1, n := score(all)
	// a: 2 of 3 found, 2 of 2 right: 0.8; b: 1 of 1, 1 of 2: 2/3; c: 0.
	if want := (.8 + 2./3) / 3; accuracy != .6 || math.Abs(f1-want) > 1e-12 || n != 5 {
		t.Errorf("accuracy %v, macro-F1 %v, want 0.6 and %v; %d known", accuracy, f1, want, n)
	}
	if accuracy, f1, n = score(nil); accuracy != 0 || f1 != 0 || n != 0 {
		t.Error("nothing known scores nothing")
	}
}

func TestSummarise(t *testing.T) {
	ms := time.Millisecond
	cascade := []*Label{decided(4*ms, "first", ""), decided(8*ms, "first", ""), decided(900*ms, "slow", "timeout")}
	slow := []*Label{decided(400*ms, "", "timeout"), decided(320*ms, "", ""), decided(900*ms, "", "timeout")}
	s := Summarise("service", 4, 1, cascade, slow)
	if s.Flows != 4 || s.Labels != 3 || s.Unlabelled != 1 || s.SpeedupP50 != 50 || s.Cascade.ByTimeout != 1 || s.SlowOnly.ByTimeout != 2 {
		t.Errorf("%+v", s)
	}
	if math.Abs(s.ByStage["first"]-2./3) > 1e-12 || math.Abs(s.Cascade.Under16ms-2./3) > 1e-12 || s.SlowOnly.Under16ms != 0 {
		t.Errorf("%+v", s)
	}
	var out bytes.Buffer
	if err := s.Write(&out); err != nil || !strings.Contains(out.String(), "speed-up at the median: 50.0x") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTruth(t *testing.T) {
	truth, err := ReadTruth(strings.NewReader("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1024,10.0.0.2,53,udp,1700000000.123456,dns\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := netip.MustParseAddrPort("10.0.0.1:1024"), netip.MustParseAddrPort("10.0.0.2:53")
	const first = 1_700_000_000_123_456
	for _, c := range []struct {
		name  string
		label string
	}{
		{"as it is", truth.Of(a, b, "udp", first)},
		{"sides swapped by Zeek", truth.Of(b, a, "udp", first)},
		{"a microsecond off", truth.Of(a, b, "udp", first+1)},
	} {
		if c.label != "dns" {
			t.Errorf("%s: %q", c.name, c.label)
		}
	}
	if truth.Of(a, b, "tcp", first) != "" || truth.Of(a, b, "udp", first+2000) != "" {
		t.Error("another flow got the label")
	}
	for _, bad := range []string{"h\n1,2\n", "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\nx,1,10.0.0.2,53,udp,1,dns\n"} {
		if _, err := ReadTruth(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// kept keeps what is sent.
type kept struct{ sent []producer.Message }

func (k *kept) Send(_ context.Context, m producer.Message) { k.sent = append(k.sent, m) }

func TestPlayerKeepsThePace(t *testing.T) {
	to := &kept{}
	p := NewPlayer(to, "in", 10)
	record := func(uid, ts string) []byte {
		return []byte(`{"ev":"pkt","ts":` + ts + `,"uid":"` + uid + `","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","n":1,"is_orig":true}`)
	}
	lines := [][]byte{record("Ca", "1700000000.0"), record("Cb", "1700000000.5"), record("Cc", "1700000000.4"), []byte("not a record")}
	began := time.Now()
	for _, line := range lines {
		if err := p.Play(context.Background(), line, nil); (err != nil) != (string(line) == "not a record") {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("half a second at ten times the pace took %v: it must not run ahead", took)
	}
	if len(to.sent) != 3 || string(to.sent[1].Key) != "Cb" || !bytes.Equal(to.sent[2].Value, lines[2]) {
		t.Errorf("%+v", to.sent)
	}
	if due := p.Due(1_700_000_001_000_000).Sub(p.begin); due != 100*time.Millisecond {
		t.Errorf("a record one second in is due after %v", due)
	}
}

// A record of conn.log is due when its connection ends; one of another log is not waited for.
func TestPlayerKeepsThePaceOfConnLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &kept{}
		p := NewPlayer(to, "in", 1)
		began := time.Now()
		for _, c := range []struct {
			line string
			at   time.Duration
		}{
			{`{"_path":"conn","ts":1700000000.5,"uid":"Ca","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","duration":2.5}`, 0},
			{`{"ts":1700000100,"uid":"Cb","query":"a.example"}`, 0},
			{`{"_path":"conn","ts":1700000000.0,"uid":"Cc","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","duration":12}`, 9 * time.Second},
			{`{"_path":"conn","ts":1700000013.5,"uid":"Cd","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp"}`, 10500 * time.Millisecond},
		} {
			if err := p.Play(t.Context(), []byte(c.line), nil); err != nil {
				t.Fatal(err)
			}
			if at := time.Since(began); at != c.at {
				t.Errorf("after %v, want %v: %s", at, c.at, c.line)
			}
		}
		if got, want := p.Summary(), "4 records over 10.5 s of record time; 1 of them are of other logs than conn.log or the package's, and make no flow"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestScreen(t *testing.T) {
	var plain, live bytes.Buffer
	for _, s := range []*Screen{NewScreen(&plain, false, 2), NewScreen(&live, true, 2)} {
		for range 2 {
			s.Show(decided(3*time.Millisecond, "first", "confident"))
		}
		s.Draw()
	}
	head, row, _ := strings.Cut(plain.String(), "\n")
	row, _, _ = strings.Cut(row, "\n")
	for column, value := range map[string]string{"STAGE": "first", "REASON": "confident"} {
		if at := strings.Index(head, column); at < 0 || at != strings.Index(row, value) {
			t.Errorf("%s stands at %d of %q, and its value in %q", column, at, head, row)
		}
	}
	if !strings.HasSuffix(head, "TOOK") || len(head) != len(row) || strings.Count(live.String(), "REASON") < 1 {
		t.Errorf("%q above %q; %q", head, row, live.String())
	}
	if strings.Count(plain.String(), "\n") != 3 || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("plain lines: %q", plain.String())
	}
	if !strings.Contains(live.String(), "2 of 2 flows labelled   by stage: first 2") || !strings.Contains(live.String(), "\x1b[") {
		t.Errorf("live table: %q", live.String())
	}
}

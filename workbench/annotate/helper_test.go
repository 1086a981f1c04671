package annotate

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// tableOf takes JSON records, those of each text from a file of its own.
func tableOf(t testing.TB, files ...string) *Table {
	t.Helper()
	table, d := NewTable(), zeek.Decoder{Conns: true}
	for i, text := range files {
		for line := range strings.Lines(text) {
			var rec zeek.Record
			if err := d.Decode([]byte(line), &rec); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			table.Take(&rec, i)
		}
	}
	table.Close()
	return table
}

func labTable(t testing.TB) *Table {
	t.Helper()
	return tableOf(t, string(bytes.Join(lab.Records(t, "lab"), []byte("\n"))))
}

// packet is a packet record: number n of a TCP flow between these ports of 10.0.0.1 and 192.0.2.1.
func packet(uid string, n int, ts float64, ports ...int) string {
	return fmt.Sprintf(`{"ev":"pkt","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":%d,"id.resp_h":"192.0.2.1","id.resp_p":%d,"proto":"tcp","n":%d,"is_orig":true}`+"\n",
		ts, uid, ports[0], ports[1], n)
}

// end is the flow's end record.
func end(uid string, ts float64, ports ...int) string {
	return fmt.Sprintf(`{"ev":"end","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":%d,"id.resp_h":"192.0.2.1","id.resp_p":%d,"proto":"tcp"}`+"\n",
		ts, uid, ports[0], ports[1])
}

// given is what each flow was labelled, by uid: "label source".
func given(t testing.TB, l *Labeller) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, row := range written(t, l, "records.log")[1:] {
		got[row[0]] = row[7] + " " + row[8]
	}
	return got
}

// written is the labels file, by rows and columns.
func written(t testing.TB, l *Labeller, files ...string) [][]string {
	t.Helper()
	var out bytes.Buffer
	n, err := l.Write(&out, files, false)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != n+1 {
		t.Fatalf("%d rows of %d: %v", len(rows), n, err)
	}
	return rows
}

// apply applies a source whose name is its kind.
func apply(t testing.TB, l *Labeller, kind Kind, text string) *Report {
	t.Helper()
	rep, err := l.Apply(t.Context(), kind, string(kind), strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	checkSum(t, rep)
	return rep
}

// checkSum checks that each row is counted once: as a hit, or with the reason why it is none.
func checkSum(t testing.TB, rep *Report) {
	t.Helper()
	sum := rep.Hits - rep.Unread()
	for _, s := range rep.Skips {
		sum += s.Rows
	}
	if sum != rep.Rows {
		t.Errorf("%d rows, and hits and reasons are %d: %+v", rep.Rows, sum, rep)
	}
}

// options are those of the command.
func options() Options { return Options{Slack: time.Second, Window: 10 * time.Minute} }

func rulesOf(t testing.TB, text string) *Rules {
	t.Helper()
	r, err := ReadRules(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// golden compares got with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

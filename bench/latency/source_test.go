package latency

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
)

// source is a whole log, and what is known of its flows.
type source struct {
	name  string
	lines []line
	known map[string]string // true label by uid
}

// line is a record of the log. Its times are microseconds of record time.
type line struct {
	text    []byte
	uid     string
	packet  bool
	ts      int64
	written int64 // when Zeek wrote it: an end record has an earlier ts than those before it
}

// readSource reads load/trace, or the lab's records where that is not there.
func readSource(t *testing.T) *source {
	t.Helper()
	records, labels := "../../../shared/data/zeek/trace.flowpkt.log.zst", "../../../shared/data/load/trace.csv.zst"
	var known io.Reader
	if _, err := os.Stat(records); err == nil {
		known = truthOfTrace(t, labels)
	} else {
		records, labels = "../../testdata/records/lab.jsonl.zst", "../../testdata/captures/lab.labels.csv"
		text, err := os.ReadFile(labels)
		if err != nil {
			t.Fatal(err)
		}
		known = bytes.NewReader(text)
	}
	truth, err := demo.ReadTruth(known)
	if err != nil {
		t.Fatalf("%s: %v", labels, err)
	}
	whole, err := io.ReadAll(lab.Unpack(t, records))
	if err != nil {
		t.Fatalf("%s: %v", records, err)
	}
	s := &source{name: filepath.Base(records), known: map[string]string{}}
	var decoder zeek.Decoder
	var rec zeek.Record
	var newest int64
	for text := range bytes.Lines(whole) {
		if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '{' {
			continue
		}
		if err := decoder.Decode(text, &rec); err != nil {
			t.Fatalf("%s: %v: %s", records, err, text)
		}
		newest = max(newest, rec.TS)
		l := line{text: text, uid: string(rec.UID), packet: rec.Kind == zeek.Packet, ts: rec.TS, written: newest}
		if _, met := s.known[l.uid]; l.packet && !met {
			proto := map[uint8]string{zeek.TCP: "tcp", zeek.UDP: "udp"}[rec.Proto]
			s.known[l.uid] = truth.Of(rec.Orig, rec.Resp, proto, rec.TS)
		}
		s.lines = append(s.lines, l)
	}
	return s
}

// truthOfTrace gives load/trace's labels as the demo reads them.
func truthOfTrace(t *testing.T, name string) io.Reader {
	t.Helper()
	rows, err := csv.NewReader(lab.Unpack(t, name)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	known := bytes.NewBufferString("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n")
	for _, row := range rows[1:] { // capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,service,...
		first, err := strconv.ParseInt(row[6], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if proto := map[string]string{"6": "tcp", "17": "udp"}[row[5]]; row[9] != "" {
			fmt.Fprintf(known, "%s,%s,%s,%s,%s,%d.%06d,%s\n", row[1], row[2], row[3], row[4], proto, first/1e6, first%1e6, row[9])
		}
	}
	return known
}

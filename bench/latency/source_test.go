package latency

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
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
	lines, path := lab.Trace(t, "")
	from := filepath.Base(path)
	truth, err := demo.ReadTruth(knownOf(t, from))
	if err != nil {
		t.Fatalf("the labels of %s: %v", from, err)
	}
	s := &source{name: from, known: map[string]string{}}
	var decoder zeek.Decoder
	var rec zeek.Record
	var newest int64
	for _, text := range lines {
		if err := decoder.Decode(text, &rec); err != nil {
			t.Fatalf("%s: %v: %s", from, err, text)
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

// knownOf gives the labels of the records that are from there, as the demo reads them.
func knownOf(t *testing.T, from string) io.Reader {
	t.Helper()
	if from != lab.Shared {
		return lab.Unpack(t, "../../testdata/captures/lab.labels.csv")
	}
	const name = "../../../shared/data/load/trace.csv.zst"
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

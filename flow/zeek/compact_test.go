package zeek

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// without takes fields out of a record.
func without(t *testing.T, line string, names ...string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		delete(all, name)
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var ends = []string{"id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"}

// A record of the compact form says what the full one says.
func TestCompactFormIsTheFullOne(t *testing.T) {
	input, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for line := range bytes.Lines(input) {
		var d Decoder
		var full Record
		if d.Decode(line, &full) != nil || full.Kind != Packet || full.HdrWhy != Whole || !full.Orig.Addr().Is4() || full.Proto == ICMP {
			continue
		}
		looked++
		if compact := mustDecode(t, without(t, string(line), ends...)); !same(compact, full) {
			t.Errorf("got  %+v\nwant %+v", compact, full)
		}
	}
	if looked < 10 {
		t.Errorf("only %d packet records looked at", looked)
	}
}

func TestCompactFormWithoutPorts(t *testing.T) {
	icmp := `{"ev":"pkt","ts":1700000000.02,"uid":"C1","n":2,"is_orig":false,"hdr":"RQAAVAABAABAAY5WxjNkFMAAAgoAALOvAAMAAQ=="}`
	if rec := mustDecode(t, icmp); rec.Proto != ICMP || rec.Orig.String() != "192.0.2.10:0" || rec.Resp.String() != "198.51.100.20:0" {
		t.Errorf("got %+v", rec)
	}
	end := mustDecode(t, `{"ev":"end","ts":1700000000.09,"uid":"C1","proto":"tcp","conn_state":"SF","sent":10}`)
	if end.Orig.IsValid() || !end.Closed || end.Sent != 10 {
		t.Errorf("got %+v", end)
	}
}

// Where nothing tells the ends, the record is refused for the first that it lacks.
func TestCompactFormRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"no header":          without(t, pktLine, append(ends, "hdr")...),
		"an empty header":    without(t, with("hdr", `""`), ends...),
		"a cut header":       without(t, with("hdr", `"RQAAPAAAQAAvBg=="`), ends...),
		"IPv6":               without(t, with("hdr", `"YAAAAAAUBkAgAQ24AAAAAAAAAAAAAAAFIAENuAAAAAAAAAAAAAAAQw=="`), ends...),
		"one of the ends":    without(t, pktLine, "id.orig_h"),
		"a conn.log without": `{"ts":1.0,"uid":"C1","conn_state":"SF","hdr":"RQAAVAABAABAAY5WxjNkFMAAAgoAALOvAAMAAQ=="}`,
	} {
		d := Decoder{Conns: true}
		var rec Record
		var e *Error
		if err := d.Decode([]byte(line), &rec); !errors.As(err, &e) || e.Reason != FieldMissing || e.Field != "id.orig_h" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package zeek

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// without removes fields from a record.
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

var endpointFields = []string{"id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"}

// A record in the compact form must decode to the same as the full one.
func TestCompactFormIsTheFullOne(t *testing.T) {
	input, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range bytes.Lines(input) {
		var d Decoder
		var full Record
		if d.Decode(line, &full) != nil || full.Kind != Packet || full.HdrWhy != Whole || !full.Orig.Addr().Is4() || full.Proto == ICMP {
			continue
		}
		seen++
		if compact := mustDecode(t, without(t, string(line), endpointFields...)); !same(compact, full) {
			t.Errorf("got  %+v\nwant %+v", compact, full)
		}
	}
	if seen < 10 {
		t.Errorf("only %d packet records looked at", seen)
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

// If nothing has the endpoints, the record must be refused for the first missing field.
func TestCompactFormRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"no header":          without(t, pktLine, append(endpointFields, "hdr")...),
		"an empty header":    without(t, with("hdr", `""`), endpointFields...),
		"a cut header":       without(t, with("hdr", `"RQAAPAAAQAAvBg=="`), endpointFields...),
		"IPv6":               without(t, with("hdr", `"YAAAAAAUBkAgAQ24AAAAAAAAAAAAAAAFIAENuAAAAAAAAAAAAAAAQw=="`), endpointFields...),
		"one endpoint":       without(t, pktLine, "id.orig_h"),
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

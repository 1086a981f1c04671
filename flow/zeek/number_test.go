package zeek

import (
	"bytes"
	"math"
	"os"
	"testing"
)

// Whole numbers may be written as floats. What is no whole number is refused, and what is
// too large stays too large.
func TestParseUint(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "443": 443, "443.0": 443, "443.000": 443, "4.43e2": 443, "4.43E+02": 443, "4430e-1": 443, "0.443e3": 443,
		"0.0": 0, "-0": 0, "-0.0": 0, "0e5": 0, "1e3": 1000, "18e0": 18,
		"9223372036854775807":     math.MaxInt64,
		"9223372036854775807.0":   math.MaxInt64,
		"9.223372036854775807e18": math.MaxInt64,
		"9999999999999999999.0":   9999999999999999999,
		"1e19":                    math.MaxUint64,
		"1e999999999":             math.MaxUint64,
		"99999999999999999999999": math.MaxUint64,
	} {
		if got, ok := parseUint([]byte(text)); !ok || got != want {
			t.Errorf("%s: got %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"443.5", "4.435e2", "1e-1", "1e-999999999", "-1", "-443.0", "-1e3", "0.00001"} {
		if n, ok := parseUint([]byte(text)); ok {
			t.Errorf("%s: taken as %d", text, n)
		}
	}
}

// Every whole number of a record may be a float: the record is the same.
func TestRecordsWithFloats(t *testing.T) {
	lines, err := os.ReadFile("testdata/floats.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(lines) {
		got := mustDecode(t, string(line))
		want, err := reference(line, false)
		if err != nil || !same(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v %v", line, got, want, err)
		}
		if got.Kind != Packet || got.N == 0 || got.IPLen == Absent || got.Orig.Port() == 0 || got.Resp.Port() == 0 {
			t.Errorf("%s\ngot %+v", line, got)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d records", n)
	}
	conn := `{"ts":1.5e9,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1.0,"id.resp_h":"10.0.0.2","id.resp_p":4.43e2,"proto":"tcp","conn_state":"SF","orig_bytes":1e3,"resp_bytes":0.0,"missed_bytes":0.0,"orig_pkts":7.0,"resp_pkts":6.0,"orig_ip_bytes":1.5e3,"resp_ip_bytes":120.0}`
	rec, err := decodeConn(conn)
	if err != nil || rec.Resp.Port() != 443 || rec.Conn.OrigBytes != 1000 || rec.Conn.OrigPkts != 7 || rec.Conn.RespIPBytes != 120 {
		t.Errorf("%+v %+v %v", rec, rec.Conn, err)
	}
	end := mustDecode(t, `{"ev":"end","ts":1.5e9,"uid":"C1","proto":"tcp","sent":1e1}`)
	if end.Sent != 10 {
		t.Errorf("%+v", end)
	}
}

func BenchmarkDecodeFloats(b *testing.B) {
	lines, err := os.ReadFile("testdata/floats.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := bytes.Cut(lines, []byte("\n"))
	var d Decoder
	var rec Record
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(line, &rec); err != nil {
			b.Fatal(err)
		}
	}
}

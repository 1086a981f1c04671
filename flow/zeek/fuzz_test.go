package zeek

import (
	"fmt"
	"strings"
	"testing"
)

func TestDecodeAllocatesNothing(t *testing.T) {
	d := Decoder{Conns: true}
	var rec Record
	v6 := strings.NewReplacer("192.0.2.5", "2001:db8::5", "198.51.100.43", "2001:db8::43").Replace(pktLine)
	lines := []string{pktLine, endLine, v6, with("ts", "1362692526.9390841"), with("ts", "1362692526939"), with("ts", `"2013-03-07T22:42:06.939084+01:00"`)}
	for _, envelope := range envelopes {
		lines = append(lines, envelope.wrap(pktLine), envelope.wrap(connLine), envelope.wrap(dnsLine))
	}
	for _, text := range lines {
		line := []byte(text)
		if n := testing.AllocsPerRun(100, func() {
			if err := d.Decode(line, &rec); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for %s", n, line)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, line := range []string{
		`{"ev":"pkt","ts":1.7e9,"uid":"C1","n":2,"is_orig":false,"hdr":"RQAAVAABAABAAY5WxjNkFMAAAgoAALOvAAMAAQ=="}`, `{"ev":"end","ts":1.7e9,"uid":"C1","proto":"tcp"}`,
		pktLine, endLine, `{}`, `{"ev":"pkt","ts":1e9}`, with("uid", `"\ud83d\ude00\n\u0041"`), with("ts", "1.3626925269390845e+9"),
		with("sensor", `"caf\u00e9"`), with("hdr", `"AA=="`), `{"a":[{"b":[[],{},-0.0e-0]}],"ev":"end"}`, with("id.orig_h", `"::ffff:192.0.2.1"`),
		with("ts", "1362692526939"), with("ts", `"2013-03-07T22:42:06.939084+01:00"`), `{"uid":"C1","message":"{"}`, `{"payload":{"payload":{"payload":{}}}}`,
	} {
		f.Add([]byte(line))
	}
	for _, envelope := range envelopes {
		f.Add([]byte(envelope.wrap(pktLine)))
		f.Add([]byte(envelope.wrap(connLine)))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		fuzzDecode(t, line, false)
		fuzzDecode(t, line, true)
	})
}

func fuzzDecode(t *testing.T, line []byte, conns bool) {
	d := Decoder{Conns: conns}
	var rec Record
	err := d.Decode(line, &rec)
	want, wantErr := reference(line, conns)
	if err == nil && wantErr != nil {
		t.Fatalf("accepted, but the reference says %v", wantErr)
	}
	if wantErr == nil && err != nil {
		t.Fatalf("refused: %v", err)
	}
	if err != nil {
		return
	}
	if !same(rec, want) {
		t.Fatalf("got  %+v\nwant %+v", rec, want)
	}
	if rec.Kind != Packet && rec.Kind != End {
		return
	}
	var again Record
	text := AppendRecord(nil, &rec)
	if err := new(Decoder).Decode(text, &again); err != nil || !same(again, rec) {
		t.Fatalf("round trip %s: %v\ngot  %+v\nwant %+v", text, err, again, rec)
	}
}

func BenchmarkDecode(b *testing.B) {
	long := with("hdr", `"`+strings.Repeat("RQAAPAAA", 20)+`"`) // 440 bytes
	for _, line := range []string{pktLine, long, endLine} {
		b.Run(fmt.Sprintf("%dB", len(line)), func(b *testing.B) {
			var d Decoder
			var rec Record
			buf := []byte(line)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if err := d.Decode(buf, &rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

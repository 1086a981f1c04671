package zeek

import (
	"errors"
	"strings"
	"testing"
)

const (
	connLine = `{"ts":1461244641.132171,"uid":"C1tnTkaNJGbLXXVq2","id.orig_h":"10.0.9.173","id.orig_p":50939,"id.resp_h":"10.0.9.174","id.resp_p":80,"proto":"tcp","service":"http","duration":1.3513591289520264,"orig_bytes":137,"resp_bytes":659,"conn_state":"SF","local_orig":true,"local_resp":true,"missed_bytes":796,"history":"ShADaGdgFf","orig_pkts":6,"orig_ip_bytes":457,"resp_pkts":4,"resp_ip_bytes":875,"ip_proto":6}`
	dnsLine  = `{"ts":1461244639.772735,"uid":"CqFF8IbgLq7oisFqc","id.orig_h":"10.0.9.173","id.orig_p":5353,"id.resp_h":"224.0.0.251","id.resp_p":5353,"proto":"udp","trans_id":0,"query":"_tcp.local","AA":false,"TTLs":[4500.0]}`
)

// quoted returns a text as a JSON string.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// nestID moves id.orig_h and the other three into one object.
func nestID(line string) string {
	line = strings.Replace(line, `"id.orig_h"`, `"id":{"id.orig_h"`, 1)
	line = strings.Replace(line, `,"proto"`, `},"proto"`, 1)
	return strings.ReplaceAll(line, `"id.`, `"`)
}

// logOfLine is the log that a test's line is a record of.
func logOfLine(line string) string {
	switch {
	case strings.Contains(line, `"ev"`):
		return "serveflow"
	case strings.Contains(line, `"conn_state"`):
		return "conn"
	}
	return "dns"
}

// envelopes are the forms that programs between Zeek and us give a record.
var envelopes = []struct {
	name string
	wrap func(line string) string
}{
	{"bare", func(s string) string { return s }},
	{"tagged", func(s string) string { return `{"` + logOfLine(s) + `": ` + s + `}` }},
	{"tagged, with constants", func(s string) string { return `{"` + logOfLine(s) + `": ` + s + `,"site": "lab"}` }},
	{"streaming-logs", func(s string) string {
		return `{"_path":"` + logOfLine(s) + `","_write_ts":"2013-03-07T21:42:07.000000Z",` + s[1:]
	}},
	{"underscores", func(s string) string { return strings.ReplaceAll(s, `"id.`, `"id_`) }},
	{"nested id", nestID},
	{"Filebeat", func(s string) string {
		return `{"@timestamp":"2013-03-07T21:42:07.123Z","@metadata":{"beat":"filebeat","type":"_doc"},"host":{"name":"edge-7"},"log":{"offset":0,"file":{"path":"/opt/zeek/logs/current/` + logOfLine(s) + `.log"}},"message":` + quoted(s) + `,"input":{"type":"filestream"}}`
	}},
	{"ECS", func(s string) string {
		return `{"event":{"dataset":"zeek.serveflow","original":` + quoted(s) + `},"message":"a packet"}`
	}},
	{"ECS, flattened", func(s string) string { return `{"event.original":` + quoted(s) + `,"host.name":"edge-7"}` }},
	{"Vector", func(s string) string {
		return `{"file":"/opt/zeek/logs/current/` + logOfLine(s) + `.log","host":"edge-7","message":` + quoted(s) + `,"source_type":"file","timestamp":"2013-03-07T21:42:07.123456789Z"}`
	}},
	{"Fluent Bit", func(s string) string { return `{"date":1362692527.0,"log":` + quoted(s+"\n") + `}` }},
	{"Connect, text", func(s string) string {
		return `{"schema":{"type":"string","optional":false},"payload":` + quoted(s) + `}`
	}},
	{"Connect, object", func(s string) string {
		return `{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"ev"}],"optional":false},"payload":` + s + `}`
	}},
	{"Connect, string", quoted},
	{"Filebeat, tagged", func(s string) string { return `{"message":` + quoted(`{"`+logOfLine(s)+`":`+s+`}`) + `}` }},
	{"Vector in Connect", func(s string) string {
		return `{"schema":null,"payload":` + quoted(`{"message":`+quoted(s)+`}`) + `}`
	}},
	{"all at once", func(s string) string {
		return quoted(`{"payload":` + quoted(`{"event":{"original":`+quoted(`{"`+logOfLine(s)+`":`+nestID(s)+`}`)+`}}`) + `}`)
	}},
}

// A record must decode to the same in every envelope, and must not affect the next one.
func TestEnvelopes(t *testing.T) {
	for _, conns := range []bool{false, true} {
		d := Decoder{Conns: conns}
		for _, line := range []string{pktLine, endLine, connLine, dnsLine, with("uid", `"\u0041\"`), `{"other":1}`} {
			var want, got Record
			wantErr := (&Decoder{Conns: conns}).Decode([]byte(line), &want)
			for _, envelope := range envelopes {
				err := d.Decode([]byte(envelope.wrap(line)), &got)
				if (err == nil) != (wantErr == nil) || err == nil && !same(got, want) {
					t.Errorf("%s: %s\ngot  %+v %v\nwant %+v %v", envelope.name, line, got, err, want, wantErr)
				}
			}
		}
	}
}

// A time in ISO 8601 or in milliseconds must decode like one in seconds.
func TestDecodeTimes(t *testing.T) {
	for text, want := range map[string]int64{
		`"2013-03-07T21:42:06.939084Z"`:           1362692526939084,
		`"2013-03-07T21:42:06Z"`:                  1362692526000000,
		`"2013-03-07T21:42:06.9Z"`:                1362692526900000,
		`"2013-03-07T21:42:06.939084499Z"`:        1362692526939084,
		`"2013-03-07T21:42:06.9390845Z"`:          1362692526939085,
		`"2013-03-07T21:42:06.999999999Z"`:        1362692527000000,
		`"2013-03-07T22:42:06.939084+01:00"`:      1362692526939084,
		`"2013-03-07T15:12:06.939084-0630"`:       1362692526939084,
		`"2013-03-07T21:42:06.939084-00:00"`:      1362692526939084,
		`"2013-03-07T21:42:06\u002e939084\u005a"`: 1362692526939084,
		`"2012-02-29T00:00:00Z"`:                  1330473600000000,
		`"2100-01-01T00:00:00Z"`:                  4102444800e6,
		`"1970-01-01T00:00:00Z"`:                  0,
		`"1970-01-01T00:00:00.000001Z"`:           1,
		`"1970-01-01T01:00:00+01:00"`:             0,
		`"5138-11-16T09:46:39.999999Z"`:           MaxTS,
		"0":                                       0,
		"0.0":                                     0,
		"-0.0":                                    0,
		"0.000001":                                1,
		"1e-06":                                   1,
		"1e-999999999999":                         0,
		"0.9999994":                               999999,
		"7":                                       7000000, // seconds: whole milliseconds of 1970 cannot be told apart
		"4102444800.000001":                       4102444800000001,
		"99999999999":                             99999999999000000,
		"99999999999.999999":                      MaxTS,
		"99999999999999":                          99999999999999000,
		"1362692526939":                           1362692526939000,
		"1362692526939.084":                       1362692526939084,
		"1362692526939.0845":                      1362692526939085,
		"1.362692526939e12":                       1362692526939000,
		"1.362692526939084e+09":                   1362692526939084,
		"4102444800000":                           4102444800e6,
		"100000000000":                            100000000000000,
		"3371846400":                              3371846400000000, // the year 2076 is a time like any other
	} {
		line := with("ts", text)
		if got, err := decode(t, line); err != nil || got.TS != want {
			t.Errorf("%s: got %d %v, want %d", text, got.TS, err, want)
		}
		if got, err := reference([]byte(line), false); err != nil || got.TS != want {
			t.Errorf("%s: the reference has %d %v, want %d", text, got.TS, err, want)
		}
	}
}

// If an envelope holds no object, it is of another program. If it holds the beginning of
// one, a record was cut.
func TestEnvelopesOfOthers(t *testing.T) {
	for _, tt := range []struct{ line, reason, field, uid string }{
		{`{"message":"Accepted publickey for root"}`, "", "", ""},
		{`{"message":""}`, "", "", ""},
		{`{"message":"[1]","log":7,"payload":null,"event":{"original":"a"}}`, "", "", ""},
		{`{"event":["original",{"original":"` + `{` + `"}]}`, "", "", ""},
		{`{"event":7,"id":"x","message":"#fields\tts\tuid"}`, "", "", ""},
		{`{"message":"{\"a\":1}"}`, "", "", ""},
		{`{"message":"{\"uid\":\"C1\"}"}`, "", "", "C1"},
		{`{"dns":{"uid":"C1"}}`, "", "", "C1"},
		{`{"dns":{"uid":"C 1"}}`, "", "", ""},
		{`{"a":{"b":{"c":{"d":{"e":{"uid":"C1"}}}}}}`, "", "", ""},
		{`{"uid":"C1","message":"{cut"}`, "", "", "C1"},             // syslog.log, which is no envelope
		{`{"uid":1000,"message":"{\"uid\":\"C1\"}"}`, "", "", "C1"}, // a number is the uid of a user, not of a flow
		{`{"uid":"` + strings.Repeat("u", 65) + `"}`, "", "", ""},
		{`{"message":"{"}`, BadSyntax, "message", ""},
		{`{"message":` + quoted(pktLine[:80]) + `}`, BadSyntax, "message", ""},
		{`{"message":` + quoted(pktLine+pktLine) + `}`, BadSyntax, "message", ""},
		{`{"log":" {\u0000}"}`, BadSyntax, "log", ""},
		{`{"event":{"original":"{a"}}`, BadSyntax, "event.original", ""},
		{`{"payload":"{} {}"}`, BadSyntax, "payload", ""},
		{`{"payload":{"payload":{"payload":{}}}}`, TooDeep, "payload", ""},
		{`{"log":"{\"a\":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + `}"}`, TooDeep, "log", ""},
		{`{"payload":{"ev":"pkt"}}`, FieldMissing, "ts", ""},
	} {
		rec, err := decode(t, tt.line)
		var e *Error
		if errors.As(err, &e); tt.reason == "" && err != nil || tt.reason != "" && (e == nil || e.Reason != tt.reason || e.Field != tt.field) {
			t.Errorf("%s\ngot %v, want %q %q", tt.line, err, tt.reason, tt.field)
		}
		if err == nil && (rec.Kind != Other || string(rec.UID) != tt.uid) {
			t.Errorf("%s\nkind %d uid %q, want %q", tt.line, rec.Kind, rec.UID, tt.uid)
		}
		if want, refErr := reference([]byte(tt.line), false); (refErr == nil) != (err == nil) || err == nil && !same(rec, want) {
			t.Errorf("%s\ngot %+v %v, the reference %+v %v", tt.line, rec, err, want, refErr)
		}
	}
}

func BenchmarkEnvelopes(b *testing.B) {
	for _, envelope := range envelopes {
		b.Run(strings.ReplaceAll(envelope.name, ", ", "_"), func(b *testing.B) {
			var d Decoder
			var rec Record
			line := []byte(envelope.wrap(pktLine))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(line, &rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

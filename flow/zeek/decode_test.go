package zeek

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const (
	pktLine = `{"ev":"pkt","ts":1362692526.939084,"uid":"ClDKw620o7l2Y4vEY1","id.orig_h":"192.0.2.5","id.orig_p":59856,"id.resp_h":"198.51.100.43","id.resp_p":80,"proto":"tcp","n":2,"is_orig":false,"ip_len":60,"plen":0,"ttl":47,"flags":18,"win":14480,"hdr":"RQAAPAAAQAAvBl5mwJa7K42O5AUAUOnQpa/OPv4hMjugEjiQLlAAAAIEBbQEAggKL4lCWRZK3SABAwMH"}`
	endLine = `{"ev":"end","ts":1362692527.080828,"uid":"ClDKw620o7l2Y4vEY1","id.orig_h":"192.0.2.5","id.orig_p":59856,"id.resp_h":"198.51.100.43","id.resp_p":80,"proto":"tcp","duration":0.21148395538330078,"conn_state":"SF","history":"ShADadFf","orig_pkts":7,"resp_pkts":7,"orig_ip_bytes":512,"resp_ip_bytes":5379,"orig_bytes":136,"resp_bytes":5007,"sent":10}`
)

// same reports whether two records are equal. A nil slice equals an empty one.
func same(a, b Record) bool {
	if !bytes.Equal(a.UID, b.UID) || !bytes.Equal(a.Sensor, b.Sensor) || !bytes.Equal(a.Hdr, b.Hdr) {
		return false
	}
	a.UID, a.Sensor, a.Hdr, b.UID, b.Sensor, b.Hdr = nil, nil, nil, nil, nil, nil
	if a.Conn != nil && b.Conn != nil {
		if !sameConn(*a.Conn, *b.Conn) {
			return false
		}
		a.Conn, b.Conn = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func sameConn(a, b ConnFields) bool {
	if !bytes.Equal(a.Service, b.Service) || !bytes.Equal(a.State, b.State) || !bytes.Equal(a.History, b.History) {
		return false
	}
	a.Service, a.State, a.History, b.Service, b.State, b.History = nil, nil, nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

func decode(t *testing.T, line string) (Record, error) {
	t.Helper()
	var d Decoder
	var rec Record
	err := d.Decode([]byte(line), &rec)
	return rec, err
}

func mustDecode(t *testing.T, line string) Record {
	t.Helper()
	rec, err := decode(t, line)
	if err != nil {
		t.Fatalf("%s\n%v", line, err)
	}
	return rec
}

func TestDecodePacket(t *testing.T) {
	got := mustDecode(t, pktLine)
	want := Record{
		Kind: Packet, TS: 1362692526939084, UID: []byte("ClDKw620o7l2Y4vEY1"), Proto: TCP,
		Orig: netip.MustParseAddrPort("192.0.2.5:59856"), Resp: netip.MustParseAddrPort("198.51.100.43:80"),
		N: 2, IPLen: 60, PayloadLen: 0, TTL: 47, Flags: 18, Window: 14480, Hdr: got.Hdr,
	}
	if !same(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(got.Hdr) != 60 || got.Hdr[0] != 0x45 || got.Hdr[59] != 7 {
		t.Errorf("hdr % x", got.Hdr)
	}
}

func TestDecodeEnd(t *testing.T) {
	got := mustDecode(t, endLine)
	if got.Kind != End || got.TS != 1362692527080828 || got.Sent != 10 || !got.Closed {
		t.Errorf("got %+v", got)
	}
	for state, closed := range map[string]bool{"SF": true, "RSTRH": true, "SHR": true, "S1": false, "S2": false, "S3": false, "OTH": false} {
		for proto, tcp := range map[string]bool{"tcp": true, "udp": false} {
			line := strings.NewReplacer(`"SF"`, `"`+state+`"`, `"tcp"`, `"`+proto+`"`).Replace(endLine)
			if got := mustDecode(t, line).Closed; got != (closed && tcp) {
				t.Errorf("%s %s: Closed %v", proto, state, got)
			}
		}
	}
	if got := mustDecode(t, strings.Replace(endLine, `,"sent":10`, "", 1)); got.Sent != 0 {
		t.Errorf("no sent: %d", got.Sent)
	}
}

// with returns pktLine with another value for one field. An empty value removes the field.
func with(field, value string) string {
	start := strings.Index(pktLine, `"`+field+`":`)
	if start < 0 {
		return strings.Replace(pktLine, "}", `,"`+field+`":`+value+"}", 1)
	}
	end := start + strings.IndexAny(pktLine[start:], ",}")
	if value == "" {
		return pktLine[:start] + pktLine[end+1:]
	}
	return pktLine[:start] + `"` + field + `":` + value + pktLine[end:]
}

func TestDecodeForms(t *testing.T) {
	plainRec := mustDecode(t, pktLine)
	for name, line := range map[string]string{
		"space":            " \t" + strings.NewReplacer(":", " :\t", ",", "\r ,\n").Replace(strings.Replace(pktLine, "198.51", "198.51", 1)) + " \r\n",
		"unknown fields":   `{"a":{"b":[1,-2.5e+3,true,false,null,"\u00e9\"",{}],"c":[]},"d":1E9,` + pktLine[1:],
		"escaped key":      strings.Replace(pktLine, `"uid"`, `"\u0075i\u0064"`, 1),
		"escaped value":    strings.Replace(pktLine, `/`, `\/`, 1),
		"last wins":        strings.Replace(pktLine, `{`, `{"n":0,"uid":7,"ts":"x",`, 1),
		"unset as null":    strings.Replace(pktLine, `}`, `,"sensor":null,"hdr_why":null}`, 1),
		"unknown hdr_why":  with("hdr_why", `"other"`),
		"exponent":         with("ts", "13626925269390.84e-4"),
		"more decimals":    with("ts", "1362692526.93908449999999999999999999"),
		"rounds away":      with("ts", "1362692526.9390835"),
		"deep but allowed": strings.Replace(pktLine, `{`, `{"a":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)+",", 1),
	} {
		if got := mustDecode(t, line); !same(got, plainRec) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, plainRec)
		}
	}
	sensor := with("sensor", `"edge \"7\" \ud83d\ude00 caf\u00e9 \ud83d"`)
	if got := string(mustDecode(t, sensor).Sensor); got != "edge \"7\" \U0001F600 café \uFFFD" {
		t.Errorf("sensor %q", got)
	}
	if got := mustDecode(t, with("hdr_why", `"snap"`)).HdrWhy; got != Snap {
		t.Errorf("hdr_why %v", got)
	}
	short := mustDecode(t, `{"ev":"pkt","ts":1,"uid":"x","id.orig_h":"fe80::1","id.orig_p":128,"id.resp_h":"::","id.resp_p":129,"proto":"icmp","n":4294967295,"is_orig":true}`)
	want := Record{Kind: Packet, TS: 1e6, UID: []byte("x"), Proto: ICMPv6, N: 1<<32 - 1, FromOrig: true,
		Orig: netip.MustParseAddrPort("[fe80::1]:128"), Resp: netip.MustParseAddrPort("[::]:129"),
		IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent}
	if !same(short, want) {
		t.Errorf("got  %+v\nwant %+v", short, want)
	}
}

func TestDecodeOther(t *testing.T) {
	for _, line := range []string{
		`{}`, ` { } `, `{"ev":null}`,
		`{"ts":"2026-01-02T03:04:05.000006Z","uid":1,"id.orig_h":"x","proto":"tcp"}`,
	} {
		if got := mustDecode(t, line); got.Kind != Other {
			t.Errorf("%s: kind %d", line, got.Kind)
		}
	}
}

// A Decoder must keep nothing from one record for the next.
func TestDecoderReuse(t *testing.T) {
	var d Decoder
	var rec Record
	lines := []string{pktLine, endLine, `{"a":1}`, with("uid", `"\u0041\u0042"`), with("hdr", ""), pktLine[:40], pktLine}
	for i, line := range append(lines, lines...) {
		err := d.Decode([]byte(line), &rec)
		want, wantErr := reference([]byte(line), false)
		if (err == nil) != (wantErr == nil) || err == nil && !same(rec, want) {
			t.Errorf("line %d: got %+v %v, want %+v %v", i, rec, err, want, wantErr)
		}
	}
}

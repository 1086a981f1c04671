package zeek

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// decodeConn decodes a line with Conns set.
func decodeConn(line string) (Record, error) {
	d := Decoder{Conns: true}
	var rec Record
	err := d.Decode([]byte(line), &rec)
	return rec, err
}

func TestDecodeConn(t *testing.T) {
	got, err := decodeConn(connLine)
	want := Record{
		Kind: Conn, TS: 1461244641132171, UID: []byte("C1tnTkaNJGbLXXVq2"), Proto: TCP,
		Orig: netip.MustParseAddrPort("10.0.9.173:50939"), Resp: netip.MustParseAddrPort("10.0.9.174:80"),
		IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent,
		Conn: &ConnFields{
			Duration: 1351359, OrigBytes: 137, RespBytes: 659, MissedBytes: 796, OrigPkts: 6, RespPkts: 4,
			OrigIPBytes: 457, RespIPBytes: 875, Service: []byte("http"), State: []byte("SF"), History: []byte("ShADaGdgFf"),
		},
	}
	if err != nil || !same(got, want) {
		t.Errorf("got  %+v %v\nwant %+v", got, err, want)
	}
	if got := mustDecode(t, connLine); got.Kind != Other || string(got.UID) != "C1tnTkaNJGbLXXVq2" {
		t.Errorf("without Conns: %+v", got)
	}
	if got, err := decodeConn(pktLine); err != nil || got.Kind != Packet || got.Conn != nil {
		t.Errorf("a packet record: %+v %v", got, err)
	}
}

// A record of conn.log is recognised by its tag, its path or its conn_state.
func TestConnLogIsRecognised(t *testing.T) {
	bare := `{"uid":"C1","ts":1e9,"id.orig_h":"::1","id.orig_p":1,"id.resp_h":"::2","id.resp_p":2,"proto":"icmp"}`
	none := ConnFields{Absent, Absent, Absent, Absent, Absent, Absent, Absent, Absent, nil, nil, nil}
	for line, kind := range map[string]Kind{
		bare: Other, `{"conn":` + bare + `}`: Conn, `{"dns":` + bare + `}`: Other,
		`{"_path":"conn",` + bare[1:]: Conn, `{"_path":"\u0063onn",` + bare[1:]: Conn, `{"_path":"dns",` + bare[1:]: Other, `{"_path":7,` + bare[1:]: Other,
		strings.Replace(connLine, `"uid"`, `"fuid"`, 1): Other, `{"conn":{"ts":1}}`: Other, `{"conn":7,"uid":"C1"}`: Other,
	} {
		got, err := decodeConn(line)
		if err != nil || got.Kind != kind {
			t.Errorf("%s\nkind %d %v, want %d", line, got.Kind, err, kind)
		}
		if want, err := reference([]byte(line), true); err != nil || !same(got, want) {
			t.Errorf("%s\ngot %+v, the reference %+v %v", line, got, want, err)
		}
		if kind == Conn && !same(got, Record{Kind: Conn, TS: 1e15, UID: got.UID, Orig: got.Orig, Resp: got.Resp, Proto: ICMPv6,
			IPLen: Absent, PayloadLen: Absent, TTL: Absent, Flags: Absent, Window: Absent, Conn: &none}) {
			t.Errorf("%s\ngot %+v", line, got)
		}
	}
}

func TestDecodeConnFields(t *testing.T) {
	for _, tt := range []struct{ field, value, reason string }{
		{"duration", "0.0", ""},
		{"duration", "9.5367431640625e-7", ""},
		{"duration", "3.5e-12", ""},
		{"duration", "-0.0", ""},
		{"duration", "0e999999999", ""},
		{"duration", "1e-999999999", ""},
		{"duration", "86400.123456789", ""},
		{"duration", "-0.000001", FieldRange},
		{"duration", "5e9", FieldRange},
		{"duration", `"1.5"`, FieldType},
		{"orig_bytes", "9223372036854775807", ""},
		{"orig_bytes", "9223372036854775808", FieldRange},
		{"orig_bytes", "99999999999999999999999", FieldRange},
		{"resp_bytes", "-1", FieldType},
		{"missed_bytes", "1.5", FieldType},
		{"orig_pkts", "true", FieldType},
		{"resp_pkts", `"7"`, FieldType},
		{"orig_ip_bytes", "{}", FieldType},
		{"resp_ip_bytes", "null", ""},
		{"service", `["ssl","http"]`, FieldType},
		{"service", `"a\nb"`, FieldType},
		{"service", `"` + strings.Repeat("s", 256) + `"`, TooLong},
		{"conn_state", "7", FieldType},
		{"history", "\"\xff\"", FieldType},
		{"uid", `"a b"`, FieldType},
		{"ts", `"yesterday"`, FieldType},
		{"id.resp_p", "65536", FieldRange},
		{"proto", "null", FieldMissing},
	} {
		line := strings.Replace(connLine, `}`, `,"`+tt.field+`":`+tt.value+`}`, 1)
		got, err := decodeConn(line)
		var e *Error
		if errors.As(err, &e); tt.reason == "" && err != nil || tt.reason != "" && (e == nil || e.Reason != tt.reason || e.Field != tt.field) {
			t.Errorf("%s %s: got %v, want %q", tt.field, tt.value, err, tt.reason)
		}
		if want, refErr := reference([]byte(line), true); (refErr == nil) != (err == nil) || err == nil && !same(got, want) {
			t.Errorf("%s %s: got %+v %v, the reference %+v %v", tt.field, tt.value, got.Conn, err, want.Conn, refErr)
		}
	}
}

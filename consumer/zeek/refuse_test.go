package zeek

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct{ line, reason, field string }{
		{"", BadSyntax, ""},
		{"[]", BadSyntax, ""},
		{"7", BadSyntax, ""},
		{"#fields\tts\tuid", BadSyntax, ""},
		{`{"ev":"pkt"`, BadSyntax, ""},
		{`{"ev":"pkt",}`, BadSyntax, ""},
		{`{"ev" "pkt"}`, BadSyntax, ""},
		{`{ev:"pkt"}`, BadSyntax, ""},
		{`{"a":01}`, BadSyntax, ""},
		{`{"a":1.}`, BadSyntax, ""},
		{`{"a":.5}`, BadSyntax, ""},
		{`{"a":+1}`, BadSyntax, ""},
		{`{"a":1e}`, BadSyntax, ""},
		{`{"a":-}`, BadSyntax, ""},
		{`{"a":NaN}`, BadSyntax, ""},
		{`{"a":nul}`, BadSyntax, ""},
		{`{"a":[1,]}`, BadSyntax, ""},
		{`{"a":[1}`, BadSyntax, ""},
		{`{"a":{"b"}}`, BadSyntax, ""},
		{`{"a":{1:2}}`, BadSyntax, ""},
		{`{"a":"\x41"}`, BadSyntax, ""},
		{`{"a":"\u00g0"}`, BadSyntax, ""},
		{`{"a":"\`, BadSyntax, ""},
		{"{\"a\":\"\t\"}", BadSyntax, ""},
		{pktLine + pktLine, BadSyntax, ""},
		{pktLine[:len(pktLine)-20], BadSyntax, ""},
		{`{"a":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + `}`, TooDeep, ""},
		{`{"ev":"begin"}`, FieldType, "ev"},
		{`{"ev":1}`, FieldType, "ev"},
		{`{"ev":"pkt"}`, FieldMissing, "ts"},
		{with("ts", ""), FieldMissing, "ts"},
		{with("uid", ""), FieldMissing, "uid"},
		{with("id.orig_h", ""), FieldMissing, "id.orig_h"},
		{with("id.orig_p", ""), FieldMissing, "id.orig_p"},
		{with("id.resp_h", ""), FieldMissing, "id.resp_h"},
		{with("id.resp_p", ""), FieldMissing, "id.resp_p"},
		{with("proto", ""), FieldMissing, "proto"},
		{with("n", ""), FieldMissing, "n"},
		{with("is_orig", ""), FieldMissing, "is_orig"},
		{with("is_orig", "null"), FieldMissing, "is_orig"},
		{with("is_orig", "1"), FieldType, "is_orig"},
		{with("ts", `"1362692526.9"`), FieldType, "ts"},
		{with("ts", "0"), FieldRange, "ts"},
		{with("ts", "0.9999994"), FieldRange, "ts"},
		{with("ts", "4102444800.000001"), FieldRange, "ts"},
		{with("ts", "-1362692526"), FieldRange, "ts"},
		{with("ts", "99999999999999999999999999"), FieldRange, "ts"},
		{with("ts", "1e999999999999"), FieldRange, "ts"},
		{with("ts", "1e-999999999999"), FieldRange, "ts"},
		{with("uid", `""`), FieldRange, "uid"},
		{with("uid", `"a b"`), FieldType, "uid"},
		{with("uid", `"a\u0007"`), FieldType, "uid"},
		{with("uid", `"é"`), FieldType, "uid"},
		{with("uid", `"`+strings.Repeat("u", 65)+`"`), TooLong, "uid"},
		{with("sensor", `"`+strings.Repeat("s", 256)+`"`), TooLong, "sensor"},
		{with("sensor", "\"\xff\""), FieldType, "sensor"},
		{with("sensor", `"\n"`), FieldType, "sensor"},
		{with("sensor", `7`), FieldType, "sensor"},
		{with("id.orig_h", `"fe80::1%eth0"`), FieldType, "id.orig_h"},
		{with("id.orig_h", `"192.0.2.256"`), FieldType, "id.orig_h"},
		{with("id.resp_h", `"example.org"`), FieldType, "id.resp_h"},
		{with("id.resp_p", `65536`), FieldRange, "id.resp_p"},
		{with("id.resp_p", `"80"`), FieldType, "id.resp_p"},
		{with("n", "0"), FieldRange, "n"},
		{with("n", "4294967296"), FieldRange, "n"},
		{with("n", "99999999999999999999999999"), FieldRange, "n"},
		{with("n", "1.0"), FieldType, "n"},
		{with("n", "-1"), FieldType, "n"},
		{with("ttl", "256"), FieldRange, "ttl"},
		{with("flags", "256"), FieldRange, "flags"},
		{with("win", "65536"), FieldRange, "win"},
		{with("ip_len", "2147483648"), FieldRange, "ip_len"},
		{with("hdr", `"RQ"`), FieldType, "hdr"},
		{with("hdr", `"RQ=="\n`), BadSyntax, ""},
		{with("hdr", `"RQ\n=="`), FieldType, "hdr"},
		{with("hdr", `"AAAA\n\n\n\n"`), FieldType, "hdr"},
		{with("hdr", `"R-=="`), FieldType, "hdr"},
		{with("hdr", `"`+strings.Repeat("A", 344)+`"`), TooLong, "hdr"},
		{strings.Replace(endLine, `:10}`, `:-1}`, 1), FieldType, "sent"},
	} {
		_, err := decode(t, tt.line)
		var e *Error
		if !errors.As(err, &e) || e.Reason != tt.reason || e.Field != tt.field {
			t.Errorf("%s\ngot %v, want %s %s", tt.line, err, tt.reason, tt.field)
			continue
		}
		if !slices.Contains(Reasons(), e.Reason) || !strings.Contains(err.Error(), e.Field) || strings.Contains(err.Error(), "\n") {
			t.Errorf("message %q", err)
		}
		if _, err := reference([]byte(tt.line), false); err == nil {
			t.Errorf("%s: the reference takes it", tt.line)
		}
	}
}

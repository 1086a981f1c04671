package zeek

import (
	"errors"
	"strings"
	"testing"
)

// TestFaults decodes damaged lines. Each must be refused for the given reason, or decoded,
// and the result must be the same in every envelope.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, line    string
		reason, field string // empty if the line is valid
	}{
		{"NUL bytes after a crash", strings.Repeat("\x00", 4096), BadSyntax, ""},
		{"NUL bytes before a record", "\x00\x00" + pktLine, BadSyntax, ""},
		{"a NUL byte in a text", with("uid", "\"C\x00\""), BadSyntax, ""},
		{"an escaped NUL in the uid", with("uid", `"C\u0000"`), FieldType, "uid"},
		{"an escaped NUL in hdr", with("hdr", `"RQAA\u0000AAA"`), FieldType, "hdr"},
		{"invalid UTF-8 in the uid", with("uid", "\"C\xc3\x28\""), FieldType, "uid"},
		{"invalid UTF-8 in the sensor", with("sensor", "\"\xe9dge\""), FieldType, "sensor"},
		{"invalid UTF-8 in an unknown field", with("query", "\"\xff\xfe\""), "", ""},
		{"a uid with a newline", with("uid", `"C1\nC2"`), FieldType, "uid"},
		{"a uid with a bare newline", with("uid", "\"C1\nC2\""), BadSyntax, ""},
		{"n of 0", with("n", "0"), FieldRange, "n"},
		{"n of 2^63", with("n", "9223372036854775808"), FieldRange, "n"},
		{"n of 2^64 + 1", with("n", "18446744073709551617"), FieldRange, "n"},
		{"n below 0", with("n", "-9223372036854775808"), FieldType, "n"},
		{"hdr that is no base64", with("hdr", `"not base64!"`), FieldType, "hdr"},
		{"hdr in the base64 of URLs", with("hdr", `"RQAA-_AA"`), FieldType, "hdr"},
		{"ts below 0", with("ts", "-0.000001"), FieldRange, "ts"},
		{"ts of a day in 1969", with("ts", `"1969-12-31T23:59:59Z"`), FieldRange, "ts"},
		{"ts that is not a number, as Zeek writes it", with("ts", "null"), FieldMissing, "ts"},
		{"ts that is not a number, as others do", with("ts", "NaN"), BadSyntax, ""},
		{"ts that is not a number, as a text", with("ts", `"NaN"`), FieldType, "ts"},
		{"ts without end", with("ts", "1e400"), FieldRange, "ts"},
		{"a cut line", pktLine[:len(pktLine)/2], BadSyntax, ""},
		{"a cut line with the next one after it", pktLine[:len(pktLine)/2] + pktLine, BadSyntax, ""},

		// By itself this time is valid. The clock of the partition does not believe it.
		{"ts of the year 2076", with("ts", "3371846400.0"), "", ""},
		// Header bytes are not checked. Captures that were cut have short ones, and tunnels
		// another IP version than the addresses. The features use the bytes as they are.
		{"hdr shorter than an IP header", with("hdr", `"RQAAPA=="`), "", ""},
		{"hdr of one byte", with("hdr", `"YA=="`), "", ""},
		{"hdr of no byte", with("hdr", `""`), "", ""},
		{"hdr of another IP version", with("hdr", `"YAAAAAAUBkAgAQ24AAAAAAAAAAAAAAAFIAENuAAAAAAAAAAAAAAAQw=="`), "", ""},
		// The limit on a record comes first.
		{"a line of 2 MB", with("padding", `"`+strings.Repeat("x", 2<<20)+`"`), TooLong, ""},
		{"a uid of 2 MB", with("uid", `"`+strings.Repeat("u", 2<<20)+`"`), TooLong, ""},
		{"hdr of 2 MB", with("hdr", `"`+strings.Repeat("A", 2<<20)+`"`), TooLong, ""},
		{"a uid of 100 KB", with("uid", `"`+strings.Repeat("u", 100<<10)+`"`), TooLong, "uid"},
		{"hdr of 100 KB", with("hdr", `"`+strings.Repeat("A", 100<<10)+`"`), TooLong, "hdr"},
		{"100 KB of brackets", `{"a":` + strings.Repeat("[", 100<<10), TooDeep, ""},
	} {
		checkFault(t, tt.name, tt.line, tt.reason, tt.field)
		if tt.reason == BadSyntax || tt.reason == TooDeep || len(tt.line) > MaxRecord {
			continue // an envelope changes the error; or this takes too long
		}
		for _, envelope := range envelopes {
			checkFault(t, tt.name+", "+envelope.name, envelope.wrap(tt.line), tt.reason, tt.field)
		}
	}
}

func checkFault(t *testing.T, name, line, reason, field string) {
	rec, err := decode(t, line)
	var e *Error
	switch {
	case reason == "" && (err != nil || rec.Kind != Packet):
		t.Errorf("%s: kind %d %v", name, rec.Kind, err)
	case reason != "" && (!errors.As(err, &e) || e.Reason != reason || e.Field != field):
		t.Errorf("%s: got %v, want %s %s", name, err, reason, field)
	}
	if _, refErr := reference([]byte(line), false); (refErr == nil) != (err == nil) {
		t.Errorf("%s: got %v, the reference %v", name, err, refErr)
	}
}

package zeek

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The default limits are documented, so they must not change by accident.
func TestDefaultLimits(t *testing.T) {
	if got := (Limits{}).OrDefault(); got != (Limits{Record: 262144, Nesting: 16, Keys: 512, String: 16384}) {
		t.Errorf("defaults %+v", got)
	}
	if got := [...]int{MaxUID, MaxSensor, MaxText, MaxHdr}; got != [...]int{64, 255, 255, 255} {
		t.Errorf("a uid, a sensor, a text, a header: %v bytes", got)
	}
	set := Limits{Record: 1, Nesting: 2, Keys: 3, String: 4}
	if got := set.OrDefault(); got != set {
		t.Errorf("limits that are set became %+v", got)
	}
}

// Each limit must be accepted in its range and refused next to it.
func TestRangesOfLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		set       func(*Limits, int)
		low, high int
	}{
		"SERVEFLOW_MAX_RECORD_BYTES": {func(l *Limits, n int) { l.Record = n }, 4096, 16777216},
		"SERVEFLOW_MAX_NESTING":      {func(l *Limits, n int) { l.Nesting = n }, 4, 1000},
		"SERVEFLOW_MAX_KEYS":         {func(l *Limits, n int) { l.Keys = n }, 64, 1048576},
		"SERVEFLOW_MAX_STRING_BYTES": {func(l *Limits, n int) { l.String = n }, 4096, 16777216},
	} {
		for n, valid := range map[int]bool{tt.low: true, tt.low - 1: false, tt.high: true, tt.high + 1: false} {
			var l Limits
			tt.set(&l, n)
			err := l.Validate()
			if want := fmt.Sprintf("%s is %d: choose %d to %d", name, n, tt.low, tt.high); valid != (err == nil) || err != nil && err.Error() != want {
				t.Errorf("%s of %d: %v", name, n, err)
			}
		}
	}
}

// Numbers and texts must be accepted up to their bound and refused beyond it.
func TestBoundsOfFields(t *testing.T) {
	end := func(value string) string { return strings.Replace(endLine, `"sent":10`, `"sent":`+value, 1) }
	for _, tt := range []struct{ line, reason string }{
		{end("0"), ""},
		{end("4294967295"), ""},
		{end("4294967296"), FieldRange},
		{with("n", "1"), ""},
		{with("n", "4294967295"), ""},
		{with("ttl", "255"), ""},
		{with("flags", "255"), ""},
		{with("win", "65535"), ""},
		{with("ip_len", "2147483647"), ""},
		{with("plen", "2147483647"), ""},
		{with("plen", "2147483648"), FieldRange},
		{with("id.orig_p", "0"), ""},
		{with("id.orig_p", "65535"), ""},
		{with("uid", `"`+strings.Repeat("u", 64)+`"`), ""},
		{with("uid", `"~!"`), ""},
		{with("sensor", `"`+strings.Repeat("s", 255)+`"`), ""},
		{with("sensor", `"a b"`), ""},
		{with("sensor", "\"a\x7f\""), FieldType},
		{with("hdr", `"`+strings.Repeat("A", 340)+`"`), ""},
		{with("ts", `"2013-03-07T21:59:06Z"`), ""},
		{with("ts", `"2013-03-07T21:60:06Z"`), FieldType},
		{with("ts", `"2013-03-07T23:42:59Z"`), ""},
		{with("ts", `"2013-03-07T21:42:06+23:59"`), ""},
		{with("ts", `"2013-03-07T21:42:06+23:60"`), FieldType},
		{with("ts", `"2013-13-07T21:42:06Z"`), FieldType},
		{with("ts", `"2013-03-00T21:42:06Z"`), FieldType},
	} {
		_, err := decode(t, tt.line)
		var e *Error
		if errors.As(err, &e); tt.reason == "" && err != nil || tt.reason != "" && (e == nil || e.Reason != tt.reason) {
			t.Errorf("%s\ngot %v, want %q", tt.line, err, tt.reason)
		}
	}
}

// A line that is cut anywhere must be refused, also where Zeek's usual key would follow.
func TestCutAnywhere(t *testing.T) {
	for _, line := range []string{pktLine, endLine, connLine} {
		for n := range len(line) {
			var e *Error
			if _, err := decodeConn(line[:n]); !errors.As(err, &e) || e.Reason != BadSyntax {
				t.Fatalf("cut at %d: %v\n%s", n, err, line[:n])
			}
		}
	}
}

func TestClosed(t *testing.T) {
	for _, state := range []string{"SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR"} {
		if !Closed(TCP, state) || Closed(UDP, state) {
			t.Errorf("%s: closed by TCP %v, by UDP %v", state, Closed(TCP, state), Closed(UDP, state))
		}
	}
	for _, state := range []string{"S0", "S1", "S2", "S3", "OTH", ""} {
		if Closed(TCP, state) {
			t.Errorf("%q is closed", state)
		}
	}
}

func TestReasonOf(t *testing.T) {
	bad := &Error{Reason: TooDeep, Detail: "nested"}
	if got := ReasonOf(fmt.Errorf("line 7: %w", bad)); got != TooDeep {
		t.Errorf("a wrapped error: %q", got)
	}
	if got := ReasonOf(errors.New("the disk is gone")); got != "unknown" {
		t.Errorf("another error: %q", got)
	}
	if got := ReasonOf(nil); got != "unknown" {
		t.Errorf("no error: %q", got)
	}
}

// Every escape must mean what it means to encoding/json.
func TestEscapes(t *testing.T) {
	for _, text := range []string{`\b\f\n\r\t\"\\\/`, `a\tb`, `\u0041\u00e9\u20AC`, `\ud83d\ude00`, `\uD83D\uDE00!`, `\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\ude00\ud83d`} {
		var want string
		if err := json.Unmarshal([]byte(`"`+text+`"`), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(appendUnescaped([]byte("<"), []byte(text))); got != "<"+want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

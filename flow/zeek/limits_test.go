package zeek

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Each limit must be exact to the byte, and the error must name it.
func TestLimits(t *testing.T) {
	members := func(n int) string { return `{` + strings.Repeat(`"k":{},`, n-1) + `"last":1}` }
	inside := func(n int) string { return `{"id":{` + strings.Repeat(`"k":1,`, n-2) + `"last":1}}` }
	text := func(n int) string { return `{"a":"` + strings.Repeat("a", n) + `"}` }
	for _, tt := range []struct {
		name           string
		limits         Limits
		within, beyond string
		reason, field  string
	}{
		{"record", Limits{}, text(10) + strings.Repeat(" ", MaxRecord-len(text(10))), text(10) + strings.Repeat(" ", MaxRecord), TooLong, ""},
		{"record, as set", Limits{Record: 20}, text(12), text(13), TooLong, ""},
		{"nesting", Limits{}, nestedArrays(MaxDepth), nestedArrays(MaxDepth + 1), TooDeep, ""},
		{"nesting, as set", Limits{Nesting: 3}, nestedArrays(3), nestedArrays(4), TooDeep, ""},
		{"keys", Limits{}, members(MaxKeys), members(MaxKeys + 1), TooManyKeys, ""},
		{"keys, as set", Limits{Keys: 3}, members(3), members(4), TooManyKeys, ""},
		{"keys of an object in it", Limits{}, inside(MaxKeys), inside(MaxKeys + 1), TooManyKeys, ""},
		{"string", Limits{}, text(MaxString), text(MaxString + 1), TooLong, "a"},
		{"string, as set", Limits{String: 9}, text(9), text(10), TooLong, "a"},
		{"key", Limits{String: 9}, `{"123456789":0}`, `{"1234567890":0}`, TooLong, ""},
		{"string in an array", Limits{String: 9}, `{"a":["123456789"]}`, `{"a":["1234567890"]}`, TooLong, ""},
	} {
		d := Decoder{Limits: tt.limits}
		var rec Record
		if err := d.Decode([]byte(tt.within), &rec); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var bad *Error
		if err := d.Decode([]byte(tt.beyond), &rec); !errors.As(err, &bad) || bad.Reason != tt.reason || bad.Field != tt.field {
			t.Errorf("%s: got %v, want %s %s", tt.name, err, tt.reason, tt.field)
		}
	}
}

func nestedArrays(n int) string {
	return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
}

// A record in an envelope is a string. It may be as long as a record.
func TestEnvelopesMayBeLong(t *testing.T) {
	padded := pktLine[:len(pktLine)-1] + strings.Repeat(" ", MaxString) + "}"
	var rec Record
	if err := new(Decoder).Decode([]byte(`{"message":`+quoted(padded)+`}`), &rec); err != nil || rec.Kind != Packet {
		t.Errorf("%v, %v", rec.Kind, err)
	}
}

func TestLimitsAreValidated(t *testing.T) {
	for _, good := range []Limits{{}, {Record: 4 << 10, Nesting: 4, Keys: 64, String: 4 << 10}} {
		if err := good.Validate(); err != nil {
			t.Error(err)
		}
	}
	for name, bad := range map[string]Limits{"SERVEFLOW_MAX_RECORD_BYTES": {Record: 100}, "SERVEFLOW_MAX_NESTING": {Nesting: -1},
		"SERVEFLOW_MAX_KEYS": {Keys: 1 << 30}, "SERVEFLOW_MAX_STRING_BYTES": {String: 64 << 20}} {
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+" is ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkRefuse is the cost of a record that is refused. However large the record is, it
// must not cost more than a valid one.
func BenchmarkRefuse(b *testing.B) {
	for name, line := range map[string]string{
		"keys":    `{` + strings.Repeat(`"k":1,`, 40_000) + `"ev":"pkt"}`,
		"nesting": `{"a":` + strings.Repeat("[", 200_000),
		"string":  `{"a":"` + strings.Repeat("a", 250_000) + `"}`,
		"record":  strings.Repeat(" ", 1<<20),
	} {
		b.Run(fmt.Sprintf("%s-%dB", name, len(line)), func(b *testing.B) {
			var d Decoder
			var rec Record
			for b.Loop() {
				if d.Decode([]byte(line), &rec) == nil {
					b.Fatal("taken")
				}
			}
		})
	}
}

package capture

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseIP(t *testing.T) {
	const (
		v4 = "4500 001c 0001 0000 4011 0000 c0000201 c0000202"
		v6 = "60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
		l4 = "1388 1389 0008 0000"
	)
	for _, tt := range []struct {
		name, data string
		extra      int // bytes on the wire beyond those captured
		err        error
		headerLen  int
		size       int
	}{
		{"v4", v4 + l4, 0, nil, 20, 8},
		{"v6", v6 + l4, 0, nil, 40, 8},
		{"padding", v4 + l4 + "0000 0000", 0, nil, 20, 8},
		{"v4 options", "4600 0020 0001 0000 4011 0000 c0000201 c0000202 01010101" + l4, 0, nil, 24, 8},
		{"v6 hop by hop", "60000000 0010 00 40" + v6[19:] + "11 00 0104 00000000" + l4, 0, nil, 48, 8},
		{"v6 authentication", "60000000 0018 33 40" + v6[19:] + "11 02 0000 00000001 00000002 00000003" + l4, 0, nil, 56, 8},
		{"offload", "4500 0000" + v4[9:] + l4, 0, nil, 20, 8},
		{"cut in the payload", v4, 8, nil, 20, 8},
		{"nothing", "", 1, errCutHeader, 0, 0},
		{"nothing on the wire either", "", 0, errMalformed, 0, 0},
		{"cut v4", v4[:20], 100, errCutHeader, 0, 0},
		{"cut v6", v6[:40], 100, errCutHeader, 0, 0},
		{"cut options", "4600 0020 0001 0000 4011 0000 c0000201 c0000202", 12, errCutHeader, 0, 0},
		{"cut extension", "60000000 0010 00 40" + v6[19:] + "11 00", 14, errCutHeader, 0, 0},
		{"version 5", "55" + v4[2:], 0, errNotIP, 0, 0},
		{"short header length", "44" + v4[2:] + l4, 0, errMalformed, 0, 0},
		{"longer than the frame", "4500 0030" + v4[9:] + l4, 0, errMalformed, 0, 0},
		{"header beyond the packet", "4f00 001c" + v4[9:] + l4, 0, errMalformed, 0, 0},
	} {
		data := unhex(t, tt.data)
		var p packet
		err := parseIP(part{data, len(data), len(data) + tt.extra}, &p)
		if !errors.Is(err, tt.err) || err == nil && (len(p.header) != tt.headerLen || p.size != tt.size) {
			t.Errorf("%s: %v, header %d, size %d", tt.name, err, len(p.header), p.size)
		}
	}
}

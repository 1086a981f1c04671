package capture

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNetworkOffset(t *testing.T) {
	const macs = "020000000001 020000000002 "
	for _, tt := range []struct {
		name string
		link layers.LinkType
		head string
		want int // -1: not IP
	}{
		{"ethernet", 1, macs + "0800", 14},
		{"ethernet v6", 1, macs + "86dd", 14},
		{"vlan", 1, macs + "8100 0005 0800", 18},
		{"qinq", 1, macs + "88a8 0005 8100 0006 86dd", 22},
		{"mpls", 1, macs + "8847 00001040 00002140", 22},
		{"mpls without a bottom", 1, macs + "8847 00001040 00002040", -1},
		{"pppoe", 1, macs + "8864 1100 0001 0030 0021", 22},
		{"pppoe control", 1, macs + "8864 1100 0001 0030 c021", -1},
		{"arp", 1, macs + "0806", -1},
		{"llc", 1, macs + "0026 4242 03", -1},
		{"cut mac", 1, "0200", -1},
		{"cut vlan", 1, macs + "8100 00", -1},
		{"sll", 113, "0000 0001 0006 020000000001 0000 0800", 16},
		{"sll cut", 113, "0000 0001 0006", -1},
		{"sll2", 276, "0800 0000 00000002 0001 00 06 0200000000010000", 20},
		{"sll2 arp", 276, "0806 0000 00000002 0001 00 06 0200000000010000", -1},
		{"raw", 101, "", 0},
		{"raw v6", 229, "", 0},
		{"null little", 0, "02000000", 4},
		{"null big", 0, "00000002", 4},
		{"null v6", 0, "1e000000", 4},
		{"null other", 0, "07000000", -1},
		{"loop", 108, "00000018", 4},
		{"loop cut", 108, "0000", -1},
	} {
		got, err := networkOffset(tt.link, unhex(t, tt.head))
		if err != nil && !errors.Is(err, errNotIP) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%s: at %d, want %d", tt.name, got, tt.want)
		}
	}
	if _, err := networkOffset(147, nil); !errors.Is(err, ErrLinkType) || !strings.Contains(err.Error(), "147") {
		t.Errorf("unknown link type: %v", err)
	}
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
		{"nothing", "", 0, errCutHeader, 0, 0},
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
		err := parseIP(data, len(data)+tt.extra, &p)
		if !errors.Is(err, tt.err) || err == nil && (len(p.header) != tt.headerLen || p.size != tt.size) {
			t.Errorf("%s: %v, header %d, size %d", tt.name, err, len(p.header), p.size)
		}
	}
}

func TestTunnels(t *testing.T) {
	const (
		inner = "4500 001c 0001 0000 4011 0000 0a000001 0a000002 1388 1389 0008 0000"
		v4    = "4500 %s 0001 0000 40 %s 0000 c0000201 c0000202"
	)
	outer := func(proto, body string) []byte {
		length := 20 + len(strings.ReplaceAll(body, " ", ""))/2
		head := strings.Replace(strings.Replace(v4, "%s", hex.EncodeToString([]byte{byte(length >> 8), byte(length)}), 1), "%s", proto, 1)
		return unhex(t, head+body)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"ip in ip", outer("04", inner), "A 1 10.0.0.1 5000 > 5001; A end S0 D sent=1"},
		{"gre", outer("2f", "0000 0800"+inner), "A 1 10.0.0.1 5000 > 5001; A end S0 D sent=1"},
		{"gre with a key", outer("2f", "2000 0800 00000007"+inner), "A 1 10.0.0.1 5000 > 5001; A end S0 D sent=1"},
		{"gre with ethernet", outer("2f", "0000 6558 020000000001 020000000002 0800"+inner), "A 1 10.0.0.1 5000 > 5001; A end S0 D sent=1"},
		{"gre of something else", outer("2f", "0000 880b"+inner), ""},
		{"gre cut", outer("2f", "0000"), ""},
	} {
		f := newCapture(t)
		f.raw(0, tt.data)
		lines, _ := f.convert(Options{})
		if got := strings.Join(lines, "; "); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	deep := unhex(t, inner)
	for range maxTunnels + 1 {
		deep = outer("04", hex.EncodeToString(deep))
	}
	f := newCapture(t)
	f.raw(0, deep)
	if lines, stats := f.convert(Options{}); len(lines) != 0 || stats.NoFlow != 1 {
		t.Errorf("too deep: %q %+v", lines, stats)
	}
}

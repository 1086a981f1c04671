package capture

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
)

// The packets that lie in the layers of these tests: UDP from 10.0.0.1 and fd00::1, port
// 5000, to port 5001.
const (
	inner4 = "4500 001c 0001 0000 4011 0000 0a000001 0a000002 1388 1389 0008 0000"
	inner6 = "60000000 0008 11 40 fd000000000000000000000000000001 fd000000000000000000000000000002 1388 1389 0008 0000"
	found4 = "A 1 10.0.0.1 5000 > 5001; A end S0 D sent=1"
	found6 = "A 1 fd00::1 5000 > 5001; A end S0 D sent=1"

	macs     = "020000000001 020000000002 "
	bigOrder = "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 000000ef 00000000 00000000 %08x %08x"
)

// found converts a capture of one frame. It returns the records, or why there are none.
func found(t *testing.T, link layers.LinkType, frame string) string {
	t.Helper()
	f := newCaptureOf(t, link)
	f.raw(0, unhex(t, frame))
	lines, stats := f.convert(Options{})
	if len(lines) == 0 {
		return stats.LeftOut.String()
	}
	if stats.LeftOut.Total() > 0 {
		t.Errorf("%q, but %s was left out", lines, stats.LeftOut)
	}
	return strings.Join(lines, "; ")
}

func TestLinkTypes(t *testing.T) {
	const (
		notIP = "1 not IP"
		data  = "0801 0000 020000000001 020000000002 020000000003 0000 " // an 802.11 data frame
		snap  = "aaaa03 000000 "
		flags = "00 00 0a00 00000000 0000 " // a radiotap header
	)
	for _, tt := range []struct {
		name        string
		link        layers.LinkType
		frame, want string
	}{
		{"ethernet", 1, macs + "0800" + inner4, found4},
		{"ethernet v6", 1, macs + "86dd" + inner6, found6},
		{"ethernet arp", 1, macs + "0806 0001 0800", notIP},
		{"ethernet cut", 1, "0200", "1 malformed"},
		{"sll", 113, "0000 0001 0006 020000000001 0000 0800" + inner4, found4},
		{"sll too short", 113, "0000 0001 0006", "1 malformed"},
		{"sll2", 276, "0800 0000 00000002 0001 00 06 0200000000010000" + inner4, found4},
		{"sll2 arp", 276, "0806 0000 00000002 0001 00 06 0200000000010000", notIP},
		{"sll2 too short", 276, "0800 0000", "1 malformed"},
		{"raw", 101, inner4, found4},
		{"raw of the BSDs", 12, inner6, found6},
		{"raw of OpenBSD", 14, inner4, found4},
		{"raw v4", 228, inner4, found4},
		{"raw v6", 229, inner6, found6},
		{"null little", 0, "02000000" + inner4, found4},
		{"null big", 0, "00000002" + inner4, found4},
		{"null v6 of macOS", 0, "1e000000" + inner6, found6},
		{"null v6 of FreeBSD", 0, "1c000000" + inner6, found6},
		{"null other", 0, "07000000" + inner4, notIP},
		{"loop", 108, "00000018" + inner6, found6},
		{"loop too short", 108, "0000", "1 malformed"},
		{"ppp", 9, "0021" + inner4, found4},
		{"ppp v6", 9, "0057" + inner6, found6},
		{"ppp as in HDLC", 9, "ff03 0021" + inner4, found4},
		{"ppp of mpls", 9, "ff03 0281 00001140" + inner4, found4},
		{"ppp control", 9, "ff03 c021 0100", notIP},
		{"ppp too short", 9, "ff03", "1 malformed"},
		{"ppp serial", 50, "0f00 0021" + inner4, found4},
		{"fddi", 10, "57" + macs + snap + "0800" + inner4, found4},
		{"fddi arp", 10, "57" + macs + snap + "0806 0001", notIP},
		{"802.11", 105, data + snap + "0800" + inner4, found4},
		{"802.11 v6", 105, data + snap + "86dd" + inner6, found6},
		{"802.11 arp", 105, data + snap + "0806 0001", notIP},
		{"802.11 of another organization", 105, data + "aaaa03 00000c 0800" + inner4, notIP},
		{"802.11 with four addresses", 105, "0803" + data[4:] + "020000000004" + snap + "0800" + inner4, found4},
		{"802.11 with quality of service", 105, "8801" + data[4:] + "0000" + snap + "0800" + inner4, found4},
		{"802.11 encrypted", 105, "8841" + data[4:] + "0000" + snap + "0800" + inner4, notIP},
		{"802.11 without data", 105, "4801" + data[4:] + "00000000", notIP},
		{"802.11 beacon", 105, "8000" + data[4:] + snap + "0800" + inner4, notIP},
		{"802.11 too short", 105, data, "1 malformed"},
		{"radiotap", 127, flags + data + snap + "0800" + inner4, found4},
		{"radiotap too long", 127, "00 00 ff00" + data, "1 malformed"},
		{"nflog", 239, "02 00 0003 0500 0a00 41000000 0800 0100 01020304 2000 0900" + inner4, found4},
		{"nflog v6", 239, "0a 00 0003 3400 0900" + inner6, found6},
		{"nflog of arp", 239, "03 00 0003 3400 0900" + inner6, notIP},
		{"nflog of a later version", 239, "02 01 0003 3400 0900" + inner4, "1 of an unknown link type or encapsulation"},
		{"nflog without a packet", 239, "02 00 0003 0800 0100 01020304", "1 malformed"},
		{"nflog with an attribute of no length", 239, "02 00 0003 0000 0100 01020304", "1 malformed"},
	} {
		if got := found(t, tt.link, tt.frame); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The attributes of NFLOG have the byte order of the capture.
func TestNFLOGInTheOtherOrder(t *testing.T) {
	frame := unhex(t, "02 00 0003 0008 0001 01020304 0020 0009"+inner4)
	f := &testCapture{t: t}
	f.file.Write(append(unhex(t, fmt.Sprintf(bigOrder, len(frame), len(frame))), frame...))
	lines, stats := f.convert(Options{})
	if got := strings.Join(lines, "; "); got != found4 {
		t.Errorf("%s %s", got, stats.LeftOut)
	}
}

// A cut inside any header in front of the IP packet is a cut, not another protocol.
func TestCutInsideTheLinkHeader(t *testing.T) {
	for head, link := range map[string]layers.LinkType{
		macs + "8100 0005 0800": 1, macs + "0024 aaaa03 000000 0800": 1, macs + "8100 0005 0024 aaaa03 000000 0800": 1,
		"0000 0001 0006 020000000001 0000 0800": 113, "ff03 0021": 9, "02000000": 0, "02 00 0003 2000 0900": 239,
		"0801 0000 020000000001 020000000002 020000000003 0000 aaaa03 000000 0800": 105,
	} {
		whole := unhex(t, head+inner4)
		for snap := 1; snap < len(whole)-len(inner4)/4; snap++ {
			f := newCaptureOf(t, link)
			f.snap = snap
			f.raw(0, whole)
			if lines, stats := f.convert(Options{}); len(lines) != 0 || stats.LeftOut.String() != "1 cut inside a header" {
				t.Errorf("%s cut at %d: %q %s", head, snap, lines, stats.LeftOut)
			}
		}
	}
}

func TestUnknownLinkType(t *testing.T) {
	f := newCaptureOf(t, 147)
	_, err := Convert(&f.file, Options{}, nil)
	if !errors.Is(err, ErrLinkType) || !strings.Contains(err.Error(), "147: want Ethernet (1)") {
		t.Error(err)
	}
}

// hexOf is the hexadecimal form of a length in two bytes.
func hexOf(n int) string { return hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) }

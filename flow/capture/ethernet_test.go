package capture

import (
	"strings"
	"testing"
)

func TestEthernetLayers(t *testing.T) {
	const (
		notIP = "1 not IP"
		snap  = "aaaa03 000000 "
	)
	length4 := hexOf(8 + len(unhex(t, inner4)))
	fabric := macs + "8903 1002 " // FabricPath: its addresses, type and tag
	for _, tt := range []struct{ name, frame, want string }{
		{"vlan", macs + "8100 0005 0800" + inner4, found4},
		{"qinq", macs + "88a8 0005 8100 0006 86dd" + inner6, found6},
		{"old qinq", macs + "9100 0005 8100 0006 0800" + inner4, found4},
		{"three tags", macs + "8100 0005 8100 0006 8100 0007 0800" + inner4, found4},
		{"tags without end", macs + strings.Repeat("8100 0005", 40), "1 of an unknown link type or encapsulation"},
		{"tag too short", macs + "8100 00", "1 malformed"},
		{"snap", macs + length4 + snap + "0800" + inner4, found4},
		{"snap v6", macs + hexOf(8+len(unhex(t, inner6))) + snap + "86dd" + inner6, found6},
		{"snap with padding", macs + length4 + snap + "0800" + inner4 + "00000000", found4},
		{"snap, its length ends in the UDP header", macs + hexOf(8+20+4) + snap + "0800" + inner4, "1 cut inside a header"},
		{"snap, numbered", macs + hexOf(9+len(unhex(t, inner4))) + "aaaa00 00 000000 0800" + inner4, found4},
		{"snap of another organization", macs + length4 + "aaaa03 00000c 0800" + inner4, notIP},
		{"snap in a vlan", macs + "8100 0005" + length4 + snap + "0800" + inner4, found4},
		{"snap too short", macs + "0005 aaaa03 0000", "1 malformed"},
		{"802.2 without snap", macs + "0026 4242 03 0000", notIP},
		{"802.2 of IP, which Zeek does not open", macs + length4 + "0606 03" + inner4, notIP},
		{"novell", macs + "0026 ffff 0022", notIP},
		{"neither length nor type", macs + "05dd 0000", notIP},
		{"mpls", macs + "8847 00001040 00002140" + inner4, found4},
		{"mpls multicast", macs + "8848 00002140" + inner6, found6},
		{"mpls in a vlan", macs + "8100 0005 8847 00002140" + inner4, found4},
		{"mpls without a bottom", macs + "8847 00001040 00002040", "1 malformed"},
		{"mpls of something else", macs + "8847 00002140 0000 0000", notIP},
		{"pppoe", macs + "8864 1100 0001" + hexOf(2+len(unhex(t, inner4))) + "0021" + inner4, found4},
		{"pppoe v6 with padding", macs + "8864 1100 0001" + hexOf(2+len(unhex(t, inner6))) + "0057" + inner6 + "0000", found6},
		{"pppoe control", macs + "8864 1100 0001 000a c021 0100 0008 0506", notIP},
		{"pppoe discovery", macs + "8863 1109 0000 0004 0101 0000", notIP},
		{"pppoe too short", macs + "8864 1100 0001", "1 malformed"},
		{"fabricpath", fabric + macs + "0800" + inner4, found4},
		{"fabricpath with a vlan", fabric + macs + "8100 0005 0800" + inner4, found4},
		{"fabricpath too short", fabric + "0200", "1 malformed"},
		{"pbb", macs + "88e7 00000123" + macs + "0800" + inner4, found4},
		{"pbb with tags", macs + "88a8 0005 88e7 00000123" + macs + "8100 0006 0800" + inner4, found4},
		{"pbb too short", macs + "88e7 00", "1 malformed"},
		{"vntag", macs + "8926 80010002 8100 0005 0800" + inner4, found4},
		{"vntag without a vlan", macs + "8926 80010002 0800" + inner4, found4},
		{"vntag in a vlan", macs + "8100 0005 8926 80010002 8100 0006 86dd" + inner6, found6},
		{"vntag too short", macs + "8926 8001", "1 malformed"},
		{"lldp", macs + "88cc 0207 0400", notIP},
	} {
		if got := found(t, 1, tt.frame); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// An A-MSDU holds several packets, padded to whole words.
func TestWiFiAggregate(t *testing.T) {
	const (
		head  = "8801 0000 020000000001 020000000002 020000000003 0000 8000"
		other = "4500 001d 0001 0000 4011 0000 0a000003 0a000004 1388 1389 0009 0000 78"
		snap  = "aaaa03 000000 0800"
	)
	sub := func(body, padding string) string {
		return macs + hexOf(len(unhex(t, snap+body))) + snap + body + padding
	}
	const two = "A 1 10.0.0.1 5000 > 5001; B 1 10.0.0.3 5000 > 5001; A end S0 D sent=1; B end S0 D sent=1"
	for name, tt := range map[string]struct{ frame, want string }{
		"one":                    {head + sub(inner4, ""), found4},
		"two":                    {head + sub(inner4, "0000") + sub(other, ""), two},
		"two and padding":        {head + sub(inner4, "0000") + sub(other, "000000"), two},
		"not IP, then IP":        {head + macs + "0008 aaaa03 000000 0806 0000" + sub(inner4, ""), found4},
		"not IP":                 {head + macs + "0008 aaaa03 000000 0806", "1 not IP"},
		"too short for a header": {head + "0200", "1 malformed"},
		"too short for a packet": {head + macs + "0040 aaaa03 000000 0800", "1 malformed"},
	} {
		if got := found(t, 105, tt.frame); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

package capture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// The last address of a routing header, and the home address, are the ends of the flow.
func TestMobileIPv6(t *testing.T) {
	const (
		udp   = "1388 1389 0008 0000"
		home  = "20010db8000000000000000000000011"
		final = "20010db8000000000000000000000022"
		other = "20010db8000000000000000000000033"
		plain = "A 1 2001:db8::1 5000 > 2001:db8::2 5001"
		toEnd = "A 1 2001:db8::1 5000 > 2001:db8::22 5001"
		away  = "A 1 2001:db8::11 5000 > 2001:db8::2 5001"
	)
	for _, tt := range []struct {
		name, want string
		first      uint8
		body       string
	}{
		{"type 2", toEnd, protoRouting, "11 02 02 01 00000000" + final + udp},
		{"type 2, reached", plain, protoRouting, "11 02 02 00 00000000" + final + udp},
		{"type 2 of two addresses", plain, protoRouting, "11 04 02 01 00000000" + other + final + udp},
		{"type 0", toEnd, protoRouting, "11 02 00 01 00000000" + final + udp},
		{"type 0 of two addresses", toEnd, protoRouting, "11 04 00 02 00000000" + other + final + udp},
		{"type 0 of half an address", plain, protoRouting, "11 03 00 01 00000000" + final + "0000000000000000" + udp},
		{"type 0 without an address", plain, protoRouting, "11 00 00 01 00000000" + udp},
		{"type 4, segments", plain, protoRouting, "11 02 04 01 00000000" + final + udp},
		{"two headers", toEnd, protoRouting, "2b 02 02 01 00000000" + final + "11 02 00 01 00000000" + other + udp},
		{"two headers, the first one reached", toEnd, protoRouting, "2b 02 02 00 00000000" + other + "11 02 00 01 00000000" + final + udp},
		{"home address", away, protoDstOpts, "11 02 0102 0000 c910" + home + udp}, // behind PadN
		{"home address behind Pad1", away, protoDstOpts, "11 02 00 00 00 00 c910" + home + udp},
		{"home address of another length", plain, protoDstOpts, "11 02 0102 0000 c90e" + home[:28] + "0000" + udp},
		{"home address beyond the header", "A 1 2001:db8::1 8193 > 2001:db8::2 3512", protoDstOpts, "11 00 0102 0000 c910" + home + udp},
		{"home address twice", away, protoDstOpts, "3c 02 00 00 00 00 c910" + home + "11 02 00 00 00 00 c910" + other + udp},
		{"another option", plain, protoDstOpts, "11 02 00 00 00 00 c810" + home + udp},
		{"home address behind the fragment header of a whole datagram", away, protoFragment,
			"3c 00 0000 00000007" + "11 02 0102 0000 c910" + home + udp},
		{"type 2 behind the fragment header of a whole datagram", toEnd, protoFragment,
			"2b 00 0000 00000007" + "11 02 02 01 00000000" + final + udp},
		{"both", "A 1 2001:db8::11 5000 > 2001:db8::22 5001", protoDstOpts,
			"2b 02 00 00 00 00 c910" + home + "11 02 02 01 00000000" + final + udp},
	} {
		f := newCapture(t)
		f.raw(0, unhex(t, ip6Packet(t, tt.first, tt.body)))
		var got []string
		f.eachPacket(func(from, to string, n int) { got = append(got, fmt.Sprintf("A %d %s > %s", n, from, to)) })
		if line := strings.Join(got, "; "); line != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, line, tt.want)
		}
	}
}

// The extension headers behind a fragment header are in the datagram: they are read once it
// is whole.
func TestMobileIPv6InFragments(t *testing.T) {
	const (
		home     = "20010db8000000000000000000000011"
		datagram = "11 02 0102 0000 c910" + home + "1388 1389 0010 0000 0102030405060708" // 40 bytes
	)
	whole := unhex(t, datagram)
	f := newCapture(t)
	for at := 0; at < len(whole); at += 8 {
		more := 1
		if at+8 == len(whole) {
			more = 0
		}
		body := fmt.Sprintf("3c 00 %04x 00000007 %x", at|more, whole[at:at+8])
		f.raw(0, unhex(t, ip6Packet(t, protoFragment, body)))
	}
	var got []string
	f.eachPacket(func(from, to string, n int) { got = append(got, fmt.Sprintf("A %d %s > %s", n, from, to)) })
	if line := strings.Join(got, "; "); line != "A 1 2001:db8::11 5000 > 2001:db8::2 5001" {
		t.Error(line)
	}
}

// A datagram in one piece may have the header of a fragment. As in Zeek, its record has the
// bytes as captured, and its connection's count is without that header, if it was not cut.
func TestFragmentHeaderOfAWholeDatagram(t *testing.T) {
	packet := unhex(t, ip6Packet(t, protoFragment, "11 00 0000 00000007"+"1388 1389 000c 0000 01020304"))
	for snap, want := range map[int]uint64{0: 52, len(packet) - 4: 60} {
		f := newCapture(t)
		f.snap = snap
		f.raw(0, packet)
		var rec zeek.Record
		var sum zeek.Summary
		if _, err := Convert(&f.file, Options{}, func(r *zeek.Record, s *zeek.Summary) error {
			if s != nil {
				sum = *s
			} else {
				rec = *r
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if sum.OrigIPBytes != want || rec.IPLen != 60 || rec.PayloadLen != 4 || rec.HdrWhy != zeek.Whole {
			t.Errorf("snap length %d: %d bytes, want %d; %+v", snap, sum.OrigIPBytes, want, rec)
		}
	}
}

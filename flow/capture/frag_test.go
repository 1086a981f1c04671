package capture

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/serveflow/serveflow/flow/zeek"
)

// pieces splits an IPv4 packet into fragments of size bytes.
func pieces(data []byte, id uint16, size int) [][]byte {
	var out [][]byte
	header, body := data[:20], data[20:]
	for at := 0; at < len(body); at += size {
		end := min(at+size, len(body))
		piece := append(append([]byte{}, header...), body[at:end]...)
		binary.BigEndian.PutUint16(piece[2:], uint16(len(piece)))
		binary.BigEndian.PutUint16(piece[4:], id)
		flags := uint16(at / 8)
		if end < len(body) {
			flags |= 0x2000
		}
		binary.BigEndian.PutUint16(piece[6:], flags)
		out = append(out, piece)
	}
	return out
}

func datagramOf(t *testing.T, data int) []byte {
	return ipBytes(t, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.9"), layers.IPProtocolUDP,
		&layers.UDP{SrcPort: 6000, DstPort: 2049}, gopacket.Payload(make([]byte, data)))
}

// In whatever order its fragments come, a datagram must be one packet, at the time of the
// fragment that came last.
func TestFragmentsInAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		f := newCapture(t)
		parts := pieces(datagramOf(t, 500), 9, 64)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		parts = append(parts[:3], append(parts[2:3:3], parts[3:]...)...) // one comes twice
		for i, part := range parts {
			f.raw(float64(i), part)
		}
		last := parts[len(parts)-1]
		var got []zeek.Record
		stats, err := Convert(&f.file, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
			if sum == nil {
				got = append(got, *rec)
				got[0].Hdr = append([]byte{}, rec.Hdr...)
			}
			return nil
		})
		if err != nil || len(got) != 1 || stats.LeftOut.Fragment != len(parts)-1 {
			t.Fatalf("seed %d: %v, %d records, %+v", seed, err, len(got), stats)
		}
		rec := got[0]
		wantHdr := last[:20]
		if binary.BigEndian.Uint16(last[6:])&0x1fff == 0 {
			wantHdr = last[:28]
		}
		if rec.TS != captureStart*1e6+int64(len(parts)-1)*1e6 || rec.IPLen != 528 || rec.PayloadLen != 500 ||
			rec.Orig.Port() != 6000 || rec.HdrWhy != zeek.Frag || !reflect.DeepEqual(rec.Hdr, wantHdr) {
			t.Errorf("seed %d: %+v", seed, rec)
		}
	}
}

func TestFragmentsThatStayApart(t *testing.T) {
	for name, play := range map[string]func(f *testCapture, parts [][]byte){
		"one is missing": func(f *testCapture, parts [][]byte) {
			for _, part := range parts[1:] {
				f.raw(0, part)
			}
		},
		"the last comes too late": func(f *testCapture, parts [][]byte) {
			for i, part := range parts {
				f.raw(float64(i)*200, part)
			}
		},
		"of two datagrams": func(f *testCapture, parts [][]byte) {
			f.raw(0, parts[0])
			binary.BigEndian.PutUint16(parts[1][4:], 77)
			f.raw(0, parts[1])
			f.raw(0, parts[2])
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCapture(t)
			play(f, pieces(datagramOf(t, 150), 9, 64))
			if lines, stats := f.convert(Options{}); len(lines) != 0 || stats.LeftOut.Fragment != stats.Packets {
				t.Errorf("%q %+v", lines, stats)
			}
		})
	}
}

// If the capture cut the fragments, the first one must count for its datagram and the
// others not at all, because the missing bytes never come.
func TestCutFragments(t *testing.T) {
	f := newCapture(t)
	f.snap = 40
	for _, part := range pieces(datagramOf(t, 150), 9, 64) {
		f.raw(0, part)
	}
	lines, _ := f.convert(Options{})
	if got := strings.Join(lines, "; "); got != "A 1 192.0.2.1 6000 > 2049; A end S0 D sent=1" {
		t.Error(got)
	}
}

// Of fragments whose datagrams never become complete only maxDatagrams may be kept.
func TestFragmentsAreBounded(t *testing.T) {
	var f fragments
	for id := range uint32(3 * maxDatagrams) {
		p := packet{frag: fragment{id: id, more: true}, body: make([]byte, 8), captured: 8, size: 8}
		f.add(&p, int64(id))
	}
	if len(f.waiting) > maxDatagrams || len(f.waiting) != f.byAge.Len() {
		t.Errorf("%d wait, %d by age", len(f.waiting), f.byAge.Len())
	}
	if _, ok := f.waiting[fragKey{id: 3*maxDatagrams - 1}]; !ok {
		t.Error("the newest was dropped")
	}
}

// A rangeSet must equal a plain set of positions.
func TestRangeSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s rangeSet
		var set [64]bool
		for range 12 {
			start := rng.IntN(60)
			end := start + 1 + rng.IntN(64-start-1)
			s.add(uint64(start), uint64(end))
			for i := start; i < end; i++ {
				set[i] = true
			}
			if rng.IntN(6) == 0 {
				cut := rng.IntN(64)
				s.dropBelow(uint64(cut))
				for i := 0; i < cut; i++ {
					set[i] = set[i] && covered(s, i)
				}
			}
			for i := range set {
				if set[i] != covered(s, i) {
					t.Fatalf("position %d: %v in %v", i, set[i], s)
				}
			}
			for i := 1; i < len(s); i++ {
				if s[i-1].end >= s[i].start {
					t.Fatalf("touching: %v", s)
				}
			}
		}
	}
}

func covered(s rangeSet, i int) bool {
	for _, have := range s {
		if have.start <= uint64(i) && uint64(i) < have.end {
			return true
		}
	}
	return false
}

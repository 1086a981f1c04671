package nprint

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow"
)

// reference works the same features out another way: slowly, one packet at a
// time, each field by its bit position as the RFCs draw it.
type reference struct {
	hdr    []byte
	l3, l4 string // "v4", "v6", "": what the bits at 0 and at l4At are; "tcp", "udp", "icmp", "other", "later", ""
	l4At   int    // byte; -1 not known
	frag   bool
}

// at reads width bits from bit from; -1 if one of them is not there.
func (r *reference) at(from, width int) int {
	value := 0
	for bit := from; bit < from+width; bit++ {
		if bit/8 >= len(r.hdr) {
			return -1
		}
		value = value*2 + int(r.hdr[bit/8])/(1<<(7-bit%8))%2
	}
	return value
}

func newReference(hdr []byte) *reference {
	r := &reference{hdr: hdr, l4At: -1}
	switch r.at(0, 4) {
	case 4:
		if r.at(4, 4) >= 5 {
			r.l3, r.l4At = "v4", r.at(4, 4)*4
			r.frag = r.at(50, 1) == 1 || r.at(51, 13) > 0
			r.l4 = r.layer4(r.at(72, 8), r.at(51, 13))
		}
	case 6:
		r.l3 = "v6"
		if len(hdr) >= 40 {
			r.walk(r.at(48, 8), 40)
		}
	}
	return r
}

// walk goes down the chain of IPv6 extension headers.
func (r *reference) walk(next, at int) {
	offset := 0
	switch next {
	case 0, 43, 60:
		if r.at(at*8+8, 56) >= 0 {
			r.walk(r.at(at*8, 8), at+8+8*r.at(at*8+8, 8))
		}
		return
	case 44:
		if r.at(at*8+8, 56) < 0 {
			return
		}
		offset = r.at(at*8+16, 13)
		r.frag = r.frag || offset > 0 || r.at(at*8+31, 1) == 1
		if offset == 0 {
			r.walk(r.at(at*8, 8), at+8)
			return
		}
		next, at = r.at(at*8, 8), at+8
	}
	r.l4, r.l4At = r.layer4(next, offset), at
}

func (r *reference) layer4(proto, offset int) string {
	name := map[int]string{-1: "", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
	layer, known := name[proto]
	if !known {
		layer = "other"
	}
	if offset > 0 && layer != "" {
		layer += " later"
	}
	return layer
}

// tcp reads from the TCP header, if it is one of possible length.
func (r *reference) tcp(from, width int) int {
	if doff := r.at(r.l4At*8+96, 4); r.l4 == "tcp" && (doff >= 5 || doff < 0) {
		return r.at(r.l4At*8+from, width)
	}
	return -1
}

// fields gives a packet's fields as if nothing was known but its header.
func (r *reference) fields() map[string]int {
	m := map[string]int{"ip_hl": r.l4At}
	switch r.l3 {
	case "v4":
		m["ip_len"], m["ip_tos"], m["ip_ttl"], m["ip_df"] = r.at(16, 16), r.at(8, 8), r.at(64, 8), r.at(48, 8)
		if m["ip_df"] >= 0 {
			m["ip_df"] = r.at(49, 1)
		}
		if id := r.at(32, 16); id >= 0 {
			m["ip_id0"] = 1 - min(id, 1)
		}
	case "v6":
		m["ip_len"], m["ip_tos"], m["ip_ttl"] = r.at(32, 16), r.at(4, 8), r.at(56, 8)
		if m["ip_len"] >= 0 {
			m["ip_len"] += 40
		}
	}
	switch r.l4 {
	case "tcp":
		if doff := r.tcp(96, 8) / 16; r.tcp(96, 8) >= 0 {
			m["tcp_hl"] = doff * 4
		}
		m["tcp_flags"], m["tcp_window"] = r.tcp(104, 8), r.tcp(112, 16)
		r.options(m)
	case "udp":
		m["udp_len"] = r.at(r.l4At*8+32, 16)
	case "icmp":
		m["icmp_type"], m["icmp_code"] = r.at(r.l4At*8, 8), r.at(r.l4At*8+8, 8)
	}
	return m
}

// options reads the options out of the list as one text of hexadecimal pairs.
func (r *reference) options(m map[string]int) {
	hl, known := m["tcp_hl"]
	if !known || r.l4At+hl > len(r.hdr) {
		return
	}
	list := r.hdr[r.l4At+20 : r.l4At+hl]
	m["tcp_sack_ok"], m["tcp_ts"], m["tcp_sacks"] = 0, 0, 0
	var digits []byte
	for at := 0; at < len(list); {
		kind, length := list[at], 1
		if kind == 0 {
			break
		}
		if kind != 1 {
			if at+1 == len(list) || list[at+1] < 2 || at+int(list[at+1]) > len(list) {
				break
			}
			length = int(list[at+1])
		}
		switch {
		case kind == 2 && length == 4:
			m["tcp_mss"] = int(list[at+2])*256 + int(list[at+3])
		case kind == 3 && length == 3:
			m["tcp_wscale"] = int(list[at+2])
		case kind == 4:
			m["tcp_sack_ok"] = 1
		case kind == 5:
			m["tcp_sacks"] += (length - 2) / 8
		case kind == 8:
			m["tcp_ts"] = 1
		}
		at += length
		digit, named := map[byte]byte{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 8: 6}[kind]
		if !named {
			digit = 7
		}
		digits = append(digits, digit)
	}
	m["tcp_opts"] = len(digits)
	m["tcp_opt_order"] = 0
	for i := min(len(digits), 6) - 1; i >= 0; i-- {
		m["tcp_opt_order"] = m["tcp_opt_order"]*8 + int(digits[i])
	}
}

// complete fills in what the record says itself, and the payload.
func (r *reference) complete(m map[string]int, p *flow.Packet) {
	own := func(name string, value int) {
		if got, there := m[name]; (!there || got < 0) && value >= 0 {
			m[name] = min(value, 65575)
		}
	}
	own("ip_len", int(p.IPLen))
	own("ip_ttl", int(p.TTL))
	if layer := strings.TrimSuffix(r.l4, " later"); layer == "tcp" || layer == "" {
		own("tcp_flags", int(p.Flags))
		own("tcp_window", int(p.Window))
	}
	l4Len, known := map[string]int{"tcp": m["tcp_hl"], "udp": 8, "icmp": 8}[r.l4]
	if ipLen, there := m["ip_len"]; known && l4Len > 0 && there && !r.frag {
		m["payload_len"] = max(ipLen-r.l4At-l4Len, -1)
	}
	own("payload_len", int(p.PayloadLen))
}

// bits gives the 1,024 bits as one text of 0, 1 and - for absent.
func (r *reference) bits() string {
	region := func(there bool, at, length, room int) string {
		var text strings.Builder
		for bit := range room * 8 {
			if !there || bit >= length*8 || at*8+bit >= len(r.hdr)*8 {
				text.WriteByte('-')
			} else {
				text.WriteByte(byte('0' + r.at(at*8+bit, 1)))
			}
		}
		return text.String()
	}
	tcpLen := 12 // as far as one can read without its length
	if doff := r.tcp(96, 8) / 16; r.tcp(96, 8) >= 0 {
		tcpLen = doff * 4
	}
	return region(r.l3 == "v4", 0, r.l4At, 60) +
		region(r.tcp(0, 0) == 0, r.l4At, tcpLen, 60) +
		region(r.l4 == "udp", r.l4At, 8, 8)
}

// compare holds Extract to the reference over all features of a flow of one
// packet, and to the schema's promise of whole numbers in range.
func compare(t *testing.T, e *Extractor, names []string, dst []float32, p flow.Packet, hdr []byte) {
	t.Helper()
	e.Extract(dst, ofOne(p, hdr), 1)
	r := newReference(hdr)
	want := r.fields()
	r.complete(want, &p)
	want["dir"], want["log_gap"] = int(oneIf(p.FromOrig)), 0
	for i, d := range packetSchema {
		value, there := want[d.name]
		if !there {
			value = -1
		}
		if dst[i] != float32(value) {
			t.Fatalf("%s is %v, want %d, of %x and %+v", d.name, dst[i], value, hdr, p)
		}
	}
	text := r.bits()
	for i, got := range dst[packetFields:] {
		if value := float32(strings.IndexByte("-01", text[i])) - 1; got != value {
			t.Fatalf("%s is %v, want %v, of %x", names[packetFields+i], got, value, hdr)
		}
	}
	for i, got := range dst {
		if got < -1 || got > 1<<24 || float64(got) != math.Trunc(float64(got)) {
			t.Fatalf("%s is %v", names[i], got)
		}
	}
}

// TestAgainstReference changes the samples at random.
func TestAgainstReference(t *testing.T) {
	names := append(fieldNames(1), bitNames(1)...)
	e, dst := mustNew(t, names), make([]float32, len(names))
	random := rand.New(rand.NewPCG(3, 4))
	for _, text := range samples {
		hdr := raw(t, text)
		compare(t, e, names, dst, bare(0, true), hdr)
		for range 300 {
			changed := append([]byte{}, hdr...)
			for range random.IntN(4) {
				if len(changed) > 0 {
					changed[random.IntN(len(changed))] = byte(random.Uint32() >> random.IntN(8))
				}
			}
			for range random.IntN(2) * random.IntN(30) {
				changed = append(changed, byte(random.IntN(10)))
			}
			p := bare(0, random.IntN(2) == 0)
			if random.IntN(2) == 0 {
				p = flow.Packet{IPLen: random.Int32N(1<<17) - 1, PayloadLen: random.Int32N(2000) - 1,
					Window: random.Int32N(9000) - 1, TTL: int16(random.IntN(256)), Flags: int16(random.IntN(256))}
			}
			compare(t, e, names, dst, p, changed[:len(changed)-random.IntN(len(changed)+1)*random.IntN(2)])
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, text := range samples {
		f.Add(raw(f, text), int32(60), int32(0), int32(100), int16(64), int16(2), true)
		f.Add(raw(f, text), int32(-1), int32(-1), int32(-1), int16(-1), int16(-1), false)
	}
	names := append(fieldNames(1), bitNames(1)...)
	e, err := New(names)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, hdr []byte, ipLen, payload, window int32, ttl, flags int16, fromOrig bool) {
		p := flow.Packet{IPLen: ipLen, PayloadLen: payload, Window: window, TTL: ttl, Flags: flags, FromOrig: fromOrig}
		compare(t, e, names, make([]float32, len(names)), p, hdr[:min(len(hdr), 255)])
	})
}

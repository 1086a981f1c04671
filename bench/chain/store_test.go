package chain

import (
	"encoding/binary"
	"net/netip"

	"github.com/serveflow/serveflow/flow/zeek"
)

// store holds messages without a pointer to each of them, so that the garbage collector does not count in what is
// measured.
type store struct {
	data []byte
	ends []uint32 // of each key and each value, in turn
}

func (s *store) add(key []byte, value func(dst []byte) []byte) {
	s.data = append(s.data, key...)
	s.ends = append(s.ends, uint32(len(s.data)))
	s.data = value(s.data)
	s.ends = append(s.ends, uint32(len(s.data)))
}

func (s *store) len() int { return len(s.ends) / 2 }

func (s *store) at(i int) message {
	from := uint32(0)
	if i > 0 {
		from = s.ends[2*i-1]
	}
	key, value := s.ends[2*i], s.ends[2*i+1]
	return message{s.data[from:key:key], s.data[key:value:value]}
}

// valueBytes is the bytes of all values.
func (s *store) valueBytes() (n int) {
	for i := range s.len() {
		n += len(s.at(i).value)
	}
	return n
}

var noEndpoint netip.AddrPort

// headerTells reports whether a packet's header has all that COMPACT leaves out: an IPv4 header without options that is
// whole, with the addresses that the record names.
func headerTells(rec *zeek.Record) bool {
	if rec.HdrWhy != zeek.Whole || len(rec.Hdr) < 24 || rec.Hdr[0] != 0x45 {
		return false
	}
	orig, resp, proto := endpointsOf(rec.Hdr, rec.FromOrig)
	if proto == zeek.ICMP { // its ports are not in the header, and the first record has them
		return proto == rec.Proto && orig.Addr() == rec.Orig.Addr() && resp.Addr() == rec.Resp.Addr()
	}
	return proto == rec.Proto && orig == rec.Orig && resp == rec.Resp
}

// endpointsOf reads an IPv4 header of 20 bytes, as the product's decoder does for COMPACT.
func endpointsOf(hdr []byte, fromOrig bool) (orig, resp netip.AddrPort, proto uint8) {
	var from, to uint16
	switch proto = hdr[9]; proto {
	case zeek.TCP, zeek.UDP:
		from, to = binary.BigEndian.Uint16(hdr[20:]), binary.BigEndian.Uint16(hdr[22:])
	case zeek.ICMP:
	default:
		proto = 0
	}
	orig = netip.AddrPortFrom(netip.AddrFrom4([4]byte(hdr[12:16])), from)
	resp = netip.AddrPortFrom(netip.AddrFrom4([4]byte(hdr[16:20])), to)
	if !fromOrig {
		orig, resp = resp, orig
	}
	return orig, resp, proto
}

package zeek

import (
	"encoding/binary"
	"net/netip"
)

// endless reports whether a record leaves the flow's two ends out, as the
// package's compact form does in all but a flow's first record.
func (f *fields) endless() bool {
	for _, at := range [...]field{fOrigH, fOrigP, fRespH, fRespP} {
		if f.values[at].kind != absent {
			return false
		}
	}
	return true
}

// endsOfHeader reads a packet's ends and protocol from its IPv4 header, where the
// record leaves them out. The package writes them wherever a header does not tell.
// ICMP has no ports in its header: the flow's first record has what Zeek takes for them.
func (f *fields) endsOfHeader(rec *Record) {
	hdr := rec.Hdr
	if len(hdr) < 20 || hdr[0]>>4 != 4 || int(hdr[0]&15)*4 < 20 {
		f.refuse(FieldMissing, "id.orig_h", "without it, hdr must hold a whole IPv4 header")
		return
	}
	var from, to uint16
	transport := hdr[min(int(hdr[0]&15)*4, len(hdr)):]
	switch proto := hdr[9]; proto {
	case TCP, UDP:
		rec.Proto = proto
		if len(transport) >= 4 {
			from, to = binary.BigEndian.Uint16(transport), binary.BigEndian.Uint16(transport[2:])
		}
	case ICMP:
		rec.Proto = proto
	}
	rec.Orig = netip.AddrPortFrom(netip.AddrFrom4([4]byte(hdr[12:16])), from)
	rec.Resp = netip.AddrPortFrom(netip.AddrFrom4([4]byte(hdr[16:20])), to)
	if !rec.FromOrig {
		rec.Orig, rec.Resp = rec.Resp, rec.Orig
	}
}

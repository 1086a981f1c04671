package zeek

import (
	"encoding/binary"
	"net/netip"
)

// withoutEndpoints reports whether a record leaves out both endpoints of the flow. The
// Zeek package's compact form does so in every record of a flow but the first.
func (f *fields) withoutEndpoints() bool {
	for _, at := range [...]field{fOrigH, fOrigP, fRespH, fRespP} {
		if f.values[at].kind != absent {
			return false
		}
	}
	return true
}

// endpointsFromHeader reads the endpoints and the protocol from the packet's IPv4 header.
// The Zeek package leaves them out only if the header has them. ICMP has no ports in its
// header; the flow's first record holds what Zeek uses instead.
func (f *fields) endpointsFromHeader(rec *Record) {
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

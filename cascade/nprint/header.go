package nprint

import (
	"encoding/binary"

	"github.com/serveflow/serveflow/flow/zeek"
)

// header has the layers of one packet's header bytes. A layer that is cut, or that
// contradicts itself, is missing.
type header struct {
	ip        []byte // IP header, fixed part and IPv4 options
	version   uint8  // 4 or 6; 0 if there is no IP header
	proto     int    // of the transport header; Absent if it is not known
	hl        int    // bytes before the transport header; Absent if not known
	fragment  bool   // of a larger datagram
	transport []byte // from the transport header on; empty if there is none
}

// locate finds the layers in hdr, which may have any content.
func locate(hdr []byte) header {
	h := header{proto: Absent, hl: Absent}
	if len(hdr) == 0 {
		return h
	}
	switch hdr[0] >> 4 {
	case 4:
		h.locate4(hdr)
	case 6:
		h.locate6(hdr)
	}
	return h
}

func (h *header) locate4(hdr []byte) {
	hl := int(hdr[0]&15) * 4
	if hl < 20 {
		return
	}
	h.version, h.hl, h.ip = 4, hl, hdr[:min(hl, len(hdr))]
	if len(hdr) < 10 {
		return
	}
	h.proto = int(hdr[9])
	h.place(hdr, binary.BigEndian.Uint16(hdr[6:])&0x1fff, hdr[6]&0x20 != 0)
}

func (h *header) locate6(hdr []byte) {
	h.version, h.ip = 6, hdr[:min(40, len(hdr))]
	if len(hdr) < 40 {
		return
	}
	const hopByHop, routing, fragment, destination = 0, 43, 44, 60
	next, at := hdr[6], 40
	offset, more := uint16(0), false
	for next == hopByHop || next == routing || next == fragment || next == destination {
		if at+8 > len(hdr) {
			return
		}
		ext := hdr[at:]
		if next == fragment {
			field := binary.BigEndian.Uint16(ext[2:])
			offset, more = field>>3, field&1 != 0
			at += 8
		} else {
			at += (int(ext[1]) + 1) * 8
		}
		next = ext[0]
		if offset > 0 {
			break // the rest of the chain is in the first fragment
		}
	}
	h.proto, h.hl = int(next), at
	h.place(hdr, offset, more)
}

// place sets the part behind the IP header. Only a datagram's first fragment has the
// transport header.
func (h *header) place(hdr []byte, offset uint16, more bool) {
	h.fragment = more || offset > 0
	if offset == 0 && h.hl < len(hdr) {
		h.transport = hdr[h.hl:]
	}
}

// region gives the bytes of the header with that number; empty if the packet does not have
// it.
func (h *header) region(region int) []byte {
	switch {
	case region == ipv4Region && h.version == 4:
		return h.ip
	case region == tcpRegion && h.proto == zeek.TCP:
		return h.tcp()
	case region == udpRegion && h.proto == zeek.UDP:
		return h.transport[:min(8, len(h.transport))]
	}
	return nil
}

// tcp is the TCP header with its options, perhaps cut. It is empty if its length field is
// shorter than any TCP header.
func (h *header) tcp() []byte {
	t := h.transport
	if len(t) < 13 {
		return t
	}
	hl := int(t[12]>>4) * 4
	if hl < 20 {
		return nil
	}
	return t[:min(hl, len(t))]
}

package chain

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/serveflow/serveflow/flow/zeek"
)

// The first byte of a binary record is its kind, the second one says what it has.
const (
	kindPacket = 1
	kindEnd    = 2
	kindGroup  = 3

	hasFlag      = 1 // sent by the originator; of an end record, that the flow was closed
	hasEndpoints = 2
	hasSix       = 4 // of 16 bytes
	hasNumbers   = 8
)

// appendBinary writes a record: kind, bits, the uid behind its length, the time; then the endpoints and the protocol, the
// packet's number, the five numbers, and the header behind its length.
func appendBinary(dst []byte, rec *zeek.Record) []byte {
	bits, kind := byte(0), byte(kindPacket)
	if rec.Kind == zeek.End {
		kind = kindEnd
	}
	if rec.FromOrig || rec.Closed {
		bits |= hasFlag
	}
	if rec.Orig.IsValid() {
		bits |= hasEndpoints
		if rec.Orig.Addr().Is6() || rec.Resp.Addr().Is6() {
			bits |= hasSix
		}
	}
	if rec.Kind == zeek.Packet && (rec.IPLen != zeek.Absent || rec.TTL != zeek.Absent) {
		bits |= hasNumbers
	}
	be := binary.BigEndian
	dst = append(append(dst, kind, bits, byte(len(rec.UID))), rec.UID...)
	dst = be.AppendUint64(dst, uint64(rec.TS))
	if bits&hasEndpoints != 0 {
		dst = append(dst, rec.Proto)
		for _, end := range []netip.AddrPort{rec.Orig, rec.Resp} {
			if six := end.Addr().As16(); bits&hasSix != 0 {
				dst = append(dst, six[:]...)
			} else {
				dst = append(dst, six[12:]...)
			}
			dst = be.AppendUint16(dst, end.Port())
		}
	}
	if kind == kindEnd {
		return binary.AppendUvarint(dst, uint64(rec.Sent))
	}
	dst = append(binary.AppendUvarint(dst, uint64(rec.N)), byte(rec.HdrWhy))
	if bits&hasNumbers != 0 {
		dst = be.AppendUint32(be.AppendUint32(dst, uint32(rec.IPLen)), uint32(rec.PayloadLen))
		dst = be.AppendUint16(be.AppendUint16(dst, uint16(rec.TTL)), uint16(rec.Flags))
		dst = be.AppendUint32(dst, uint32(rec.Window))
	}
	return append(append(dst, byte(len(rec.Hdr))), rec.Hdr...)
}

// appendBinaryGroup writes several packets: the first one's time and number, then of each the microseconds since the one
// before, its bits, and its header.
func appendBinaryGroup(dst []byte, g *group) []byte {
	ts := g.packets[0].ts
	dst = append(append(dst, kindGroup, 0, byte(len(g.uid))), g.uid...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(ts))
	dst = append(binary.AppendUvarint(dst, uint64(g.n)), byte(len(g.packets)))
	for _, p := range g.packets {
		dst = binary.AppendVarint(dst, p.ts-ts)
		ts = p.ts
		bits := byte(0)
		if p.fromOrig {
			bits = hasFlag
		}
		dst = append(append(dst, bits, byte(len(p.hdr))), p.hdr...)
	}
	return dst
}

var errBinary = errors.New("not a binary record as this bench writes it")

// cursor reads the parts of a record one by one. Behind its end they are zero.
type cursor struct {
	rest []byte
	bad  bool
}

var zeros [256]byte

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.bad, c.rest = true, nil
		return zeros[:n]
	}
	part := c.rest[:n]
	c.rest = c.rest[n:]
	return part
}

func (c *cursor) byte() byte     { return c.take(1)[0] }
func (c *cursor) uint16() uint16 { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) uint32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.rest)
	c.take(max(n, 0))
	c.bad = c.bad || n <= 0
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.rest)
	c.take(max(n, 0))
	c.bad = c.bad || n <= 0
	return v
}

func (c *cursor) endpoint(six bool) netip.AddrPort {
	if six {
		addr := netip.AddrFrom16([16]byte(c.take(16))).Unmap()
		return netip.AddrPortFrom(addr, c.uint16())
	}
	addr := netip.AddrFrom4([4]byte(c.take(4)))
	return netip.AddrPortFrom(addr, c.uint16())
}

package capture

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"

	"github.com/serveflow/serveflow/flow/zeek"
)

// table holds the open connections. It is a pure state machine on the times of the
// packets.
type table struct {
	depth    int
	maxFlows int
	everyEnd bool
	ids      *IDs
	emit     func(*zeek.Record, *zeek.Summary) error
	err      error // the first error of emit; nothing is emitted after it
	stats    *Stats

	conns  map[connKey]*conn
	timers timers
	now    int64 // network time: the latest packet time so far
	opened uint64

	rec zeek.Record // reused
	sum zeek.Summary
	hdr []byte
}

// advance moves network time to ts, in microseconds, and forgets the connections that are
// due.
func (t *table) advance(ts int64) {
	t.now = max(t.now, ts)
	for len(t.timers) > 0 {
		c := t.timers[0]
		if c.due > t.now {
			return
		}
		if c.fire(t.now) {
			t.forget(c)
		} else if c.updateDue() {
			heap.Fix(&t.timers, 0)
		}
	}
}

// packet adds a packet to its connection, which it returns, and emits its record. The error
// says why the packet does not count.
func (t *table) packet(p *packet, outer *tunnel) (*conn, error) {
	tr, err := parseTransport(p)
	if err != nil {
		return nil, err
	}
	src, dst := netip.AddrPortFrom(p.src, tr.srcPort), netip.AddrPortFrom(p.dst, tr.dstPort)
	key := newKey(src, dst, p.proto, tr.oneWay)
	var s segment
	whole := true
	if p.proto == zeek.TCP {
		s, whole = parseSegment(p)
		tr.headerLen = s.headerLen
	}
	c := t.conns[key]
	if c != nil && c.tcp != nil && c.tcp.isReuse(&s) {
		t.forget(c)
		c = nil
	}
	if c == nil {
		c = t.open(key, src, dst, p, tr)
		c.tunnel = outer
	}
	c.through(outer)
	if !whole {
		return c, errCutHeader
	}
	byOrig := c.update(p, &s, src == c.orig.addr)
	if c.updateDue() {
		heap.Fix(&t.timers, c.heapIndex)
	}
	if icmp := p.proto == zeek.ICMP || p.proto == zeek.ICMPv6; icmp && p.captured < p.size {
		return c, errCutHeader // Zeek counts only whole ICMP packets
	}
	if n := c.count(p, byOrig); n <= uint64(t.depth) {
		t.emitPacket(c, p, tr, n, byOrig)
	}
	return c, nil
}

// open opens a connection with its first packet.
func (t *table) open(key connKey, src, dst netip.AddrPort, p *packet, tr transport) *conn {
	for len(t.conns) >= t.maxFlows {
		t.stats.Evicted++
		t.forget(t.timers[0])
	}
	t.opened++
	t.stats.Flows++
	c := &conn{
		key: key, uid: t.ids.next(key, p, tr), first: p.ts, last: p.ts, order: t.opened,
		orig: side{addr: src, payload: zeek.Absent}, resp: side{addr: dst, payload: zeek.Absent},
	}
	if p.proto == zeek.TCP {
		c.tcp = newTCP()
	}
	if mustFlip(p, src.Port(), dst.Port()) && p.dst != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		c.orig, c.resp = c.resp, c.orig
		c.history = append(c.history, '^')
	}
	c.setFirst(t.now)
	c.updateDue()
	t.conns[key] = c
	heap.Push(&t.timers, c)
	return c
}

// mustFlip reports whether the first packet of a connection seems to come from the server.
func mustFlip(p *packet, srcPort, dstPort uint16) bool {
	server, client := likelyServer(p.proto, srcPort), likelyServer(p.proto, dstPort)
	switch p.proto {
	case zeek.UDP:
		return server && !client
	case zeek.TCP:
		syn, ack := p.body[13]&flagSYN != 0, p.body[13]&flagACK != 0
		if syn && !ack || !server {
			return false
		}
		return !client || !syn && srcPort < dstPort
	}
	return false
}

// update changes the state of the connection by one packet. It returns whether the packet
// came from the originator, which the packet itself may have changed by a flip.
func (c *conn) update(p *packet, s *segment, byOrig bool) bool {
	switch p.proto {
	case zeek.TCP:
		orig := c.tcp.orig
		c.process(s, p.ts, byOrig)
		if c.tcp.established {
			c.setLogin()
		}
		return byOrig == (orig == c.tcp.orig)
	case zeek.UDP:
		c.addOnce(histData, 'D', byOrig)
		c.addPayload(byOrig, int(p.body[4])<<8+int(p.body[5])-8)
	case zeek.ICMP, zeek.ICMPv6:
		c.addPayload(byOrig, p.size-8)
	}
	c.last = p.ts
	return byOrig
}

// emitPacket emits the record of packet number n of a connection.
func (t *table) emitPacket(c *conn, p *packet, tr transport, n uint64, byOrig bool) {
	c.sent++
	t.stats.Records++
	rec := &t.rec
	*rec = zeek.Record{
		Kind: zeek.Packet, TS: p.ts, UID: c.uid, Orig: c.orig.addr, Resp: c.resp.addr, Proto: c.key.proto,
		N: uint32(n), FromOrig: byOrig, IPLen: int32(p.total), PayloadLen: int32(p.size - tr.headerLen),
		TTL: int16(p.ttl), Flags: zeek.Absent, Window: zeek.Absent,
	}
	if p.proto == zeek.TCP {
		rec.Flags = int16(p.body[13])
		rec.Window = int32(p.body[14])<<8 + int32(p.body[15])
	}
	t.hdr = append(append(t.hdr[:0], p.header...), p.body[:tr.headerLen]...)
	if p.reassembled { // Zeek has only the bytes of the last fragment
		rec.HdrWhy = zeek.Frag
		t.hdr = append(t.hdr[:0], p.frame...)
		if p.frameFirst {
			t.hdr = append(t.hdr, p.body[:tr.headerLen]...)
		}
	}
	if len(t.hdr) > zeek.MaxHdr {
		rec.HdrWhy = zeek.Snap
		t.hdr = t.hdr[:zeek.MaxHdr]
	}
	rec.Hdr = t.hdr
	t.emitRecord(nil)
}

// forget removes a connection and emits its end record, if it had a packet record.
func (t *table) forget(c *conn) {
	delete(t.conns, c.key)
	heap.Remove(&t.timers, c.heapIndex)
	if c.sent == 0 && !t.everyEnd {
		t.stats.Silent++
		return
	}
	t.stats.Ends++
	c.record(&t.rec, &t.sum)
	t.emitRecord(&t.sum)
}

// emitRecord passes t.rec to emit.
func (t *table) emitRecord(sum *zeek.Summary) {
	if t.err == nil {
		t.err = t.emit(&t.rec, sum)
	}
}

// finish forgets every connection, the oldest first.
func (t *table) finish() {
	left := slices.SortedFunc(slices.Values(t.timers), func(a, b *conn) int { return cmp.Compare(a.order, b.order) })
	for _, c := range left {
		t.forget(c)
	}
}

package capture

import (
	"net/netip"

	"github.com/serveflow/serveflow/flow/zeek"
)

// connKey identifies a connection. It is the same for both directions.
type connKey struct {
	a, b  netip.AddrPort
	proto uint8
}

// newKey orders the two sides, so that both directions have one key. A one-way flow
// keeps its direction.
func newKey(src, dst netip.AddrPort, proto uint8, oneWay bool) connKey {
	if oneWay || src.Compare(dst) <= 0 {
		return connKey{src, dst, proto}
	}
	return connKey{dst, src, proto}
}

// side counts what one side of a connection sent.
type side struct {
	addr    netip.AddrPort
	packets uint64
	ipBytes uint64
	payload int64 // bytes, for UDP and ICMP; zeek.Absent before the first packet
}

// conn is one connection.
type conn struct {
	key         connKey
	uid         []byte
	orig, resp  side
	first, last int64 // record time, microseconds
	order       uint64
	sent        uint32
	history     []byte
	historyBits uint32 // history codes that are there and come once only; the responder's shifted by 16
	idle        int64  // microseconds of silence after which it is forgotten
	tcp         *tcp   // nil but for TCP
	noTunnel    uint8  // kinds of tunnel that it is not, one bit each
	tunnel      *tunnel
	tunnels     uint8 // how often that changed

	deadlines [numDeadlines]int64
	due       int64 // the next of them
	heapIndex int   // in timers
}

// flip swaps originator and responder.
func (c *conn) flip() {
	c.orig, c.resp = c.resp, c.orig
	if c.tcp != nil {
		c.tcp.flip()
	}
	c.history = append(c.history, '^')
}

// maxTunnelChanges is how often a connection may come through another tunnel until its
// history says so.
const maxTunnelChanges = 5

// through notes which tunnel a packet came through.
func (c *conn) through(t *tunnel) {
	switch {
	case c.tunnel.equal(t):
		return
	case c.tunnels >= maxTunnelChanges:
		c.addOnce(histLimit, 'X', true)
	default:
		c.tunnels++
	}
	c.tunnel = t
}

// count counts one packet and returns its number in the flow, from 1.
func (c *conn) count(p *packet, byOrig bool) uint64 {
	s := &c.resp
	if byOrig {
		s = &c.orig
	}
	s.packets++
	s.ipBytes += uint64(p.total)
	if p.frag.v6 && p.captured == p.size {
		s.ipBytes -= lengthIPv6Fragment
	}
	return c.orig.packets + c.resp.packets
}

// addPayload counts n bytes of payload of one side.
func (c *conn) addPayload(byOrig bool, n int) {
	s := &c.resp
	if byOrig {
		s = &c.orig
	}
	s.payload = max(s.payload, 0) + int64(n)
}

// record fills the end record and its summary.
func (c *conn) record(rec *zeek.Record, sum *zeek.Summary) {
	*rec = zeek.Record{
		Kind: zeek.End, TS: c.last, UID: c.uid, Orig: c.orig.addr, Resp: c.resp.addr, Proto: c.key.proto,
		IPLen: zeek.Absent, PayloadLen: zeek.Absent, TTL: zeek.Absent, Flags: zeek.Absent, Window: zeek.Absent,
		Sent: c.sent,
	}
	*sum = zeek.Summary{
		ConnState: c.state(), History: string(c.history),
		OrigPkts: c.orig.packets, RespPkts: c.resp.packets,
		OrigIPBytes: c.orig.ipBytes, RespIPBytes: c.resp.ipBytes,
		OrigBytes: zeek.Absent, RespBytes: zeek.Absent,
	}
	rec.Closed = zeek.Closed(rec.Proto, sum.ConnState)
	if c.last > c.first {
		sum.Duration = float64(c.last)/1e6 - float64(c.first)/1e6
		sum.OrigBytes, sum.RespBytes = max(c.orig.payload, 0), max(c.resp.payload, 0)
		if c.tcp != nil {
			sum.OrigBytes, sum.RespBytes = int64(c.tcp.orig.size(c.tcp.resp)), int64(c.tcp.resp.size(c.tcp.orig))
		}
	}
}

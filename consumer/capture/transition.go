package capture

import "bytes"

// tooLargeJump is a distance in sequence space beyond which a number is taken
// for garbage.
const tooLargeJump = 1 << 20

// History codes that are said once: bits of conn.seen.
const (
	saidSYN = 1 << iota
	saidFIN
	saidRST
	saidFINRST
	saidData
	saidACK
	saidMulti
)

// tell writes the segment into the history, as conn.log has it.
func (c *conn) tell(s *segment, e *endpoint, pos uint64) {
	syn, fin, rst := s.has(flagSYN), s.has(flagFIN), s.has(flagRST)
	switch {
	case fin && rst:
		c.say(saidFINRST, 'I', e.isOrig)
	case syn && (fin || rst):
		c.say(saidMulti, 'Q', e.isOrig)
	case syn:
		code := byte('S')
		if s.has(flagACK) {
			code = 'H'
		}
		c.sayMoved(saidSYN, code, e.isOrig, &e.lastSYN, pos)
	case fin:
		c.sayMoved(saidFIN, 'F', e.isOrig, &e.lastFIN, pos+uint64(s.length))
	case rst:
		c.sayMoved(saidRST, 'R', e.isOrig, &e.lastRST, pos)
	case s.length > 0:
		c.flipUnasked()
		c.say(saidData, 'D', e.isOrig)
	case s.has(flagACK):
		c.flipUnasked()
		c.say(saidACK, 'A', e.isOrig)
	}
}

// sayMoved says a control packet's code again where it came at another position.
func (c *conn) sayMoved(bit uint32, code byte, byOrig bool, last *uint64, pos uint64) {
	if c.say(bit, code, byOrig) && pos != *last {
		c.sayAgain(code, byOrig)
	}
	*last = pos
}

// flipUnasked turns a connection round that began with a SYN-ACK, once traffic
// shows that it was no scan: whoever sent the SYN-ACK is the responder.
func (c *conn) flipUnasked() {
	if string(c.history) == "H" {
		c.flip()
		c.history = append(c.history[:0], "^h"...)
		c.tcp.origSeen = true
	}
}

// place sets a side's origin in the sequence space from its first segment, or
// anew from a SYN that cannot belong to the old one.
func (e *endpoint) place(s *segment, end uint32) {
	switch e.phase {
	case inactive:
		if s.has(flagSYN) {
			e.begin(s.seq, end)
		} else {
			e.begin(s.seq-1, s.seq) // as if its SYN had been seen
		}
	case synSent, synAckSent:
		if s.has(flagSYN) && s.seq != e.start {
			e.begin(s.seq, end)
		}
	case established, partial:
		if s.has(flagSYN) {
			e.begin(s.seq, end)
		}
	case reset:
		if s.has(flagSYN) && e.prev == inactive {
			e.begin(s.seq, end)
		}
	}
}

// acknowledge notes what the segment acknowledges of the peer, and gives its
// position there.
func (e *endpoint) acknowledge(s *segment, peer *endpoint) uint64 {
	if !s.has(flagACK) {
		return 0
	}
	if peer.phase == inactive {
		peer.begin(s.ack-1, s.ack-1)
		return 1
	}
	pos, before := peer.relativeSeq(s.ack, peer.ack, peer.ackWraps)
	if before {
		return 0
	}
	delta := int32(s.ack - peer.ack)
	broken := s.ack == 0 && delta > tooLargeJump
	if !s.has(flagRST) && !broken && delta > 0 {
		peer.moveAck(s.ack)
	}
	return pos
}

// advance moves a side's end to the segment's.
func (e *endpoint) advance(s *segment, end uint32, c *conn) {
	delta := int32(end - e.last)
	switch {
	case (s.has(flagSYN) || s.has(flagRST)) && (delta > tooLargeJump || delta < -tooLargeJump):
	case s.has(flagFIN) && e.last == e.start+1:
		e.moveLast(end)
	case e.phase == reset:
	case delta > 0:
		e.moveLast(end)
	case s.length > 0:
		if e.resent.hit() {
			c.sayAgain('T', e.isOrig)
		}
	}
}

// clean reports whether a side is established, or closing from there.
func (e *endpoint) clean() bool {
	return e.phase == established || e.phase == finished && e.prev == established
}

// enter moves a side to a phase. Leaving the handshake, a connection is given
// more time.
func (c *conn) enter(e *endpoint, next phase) {
	if next == e.phase {
		return
	}
	if !next.handshake() && e.phase.handshake() && c.tcp.peerOf(e).phase.handshake() {
		c.setIdle(tcpIdle)
	}
	e.prev, e.phase = e.phase, next
}

// transition runs the state machine and reports whether the side is done.
func (c *conn) transition(s *segment, e, peer *endpoint, byOrig bool) (closing bool) {
	switch e.phase {
	case inactive:
		return c.fromInactive(s, e, peer, byOrig)
	case synSent, synAckSent:
		if s.has(flagFIN) {
			c.enter(e, finished)
		}
		if s.has(flagRST) {
			c.enter(e, reset)
			c.tcp.aborted = true
		}
		return s.has(flagFIN) || s.has(flagRST)
	case established, partial:
		return c.fromEstablished(s, e, peer)
	case finished:
		if s.has(flagRST) && peer.phase != finished {
			c.enter(e, reset)
			return !e.didClose
		}
	}
	return false
}

func (c *conn) fromInactive(s *segment, e, peer *endpoint, byOrig bool) (closing bool) {
	if s.has(flagSYN) {
		c.synFromInactive(s, e, peer, byOrig)
	}
	if s.has(flagFIN) {
		c.enter(e, finished)
		closing = true
	}
	if s.has(flagRST) {
		c.enter(e, reset)
		closing = true
	}
	if e.phase != inactive {
		return closing
	}
	switch {
	case !byOrig && s.length == 0 && c.tcp.orig.phase == synSent: // some acknowledge a SYN before they answer it
	case s.has(flagACK) && peer.phase == established: // only the SYN was missed
		c.enter(e, established)
		c.tcp.partial = false
		if byOrig {
			c.tcp.origSeen = true
		} else {
			c.tcp.respSeen = true
		}
	default:
		c.enter(e, partial)
	}
	return closing
}

func (c *conn) synFromInactive(s *segment, e, peer *endpoint, byOrig bool) {
	if byOrig {
		next := synSent
		if s.has(flagACK) {
			next = synAckSent
		}
		c.enter(e, next)
		c.deadlines[dAttempt] = c.last + attemptDelay
		return
	}
	if !s.has(flagACK) && peer.phase == synAckSent && s.seq == e.start {
		c.tcp.partial = false // SYN and SYN-ACK came in the wrong order
		c.flip()
		c.enter(peer, established)
		c.tcp.origSeen = true
	}
	if peer.phase == synSent {
		c.enter(peer, established)
	}
	c.enter(e, established)
	c.tcp.established = peer.phase != partial
}

func (c *conn) fromEstablished(s *segment, e, peer *endpoint) (closing bool) {
	if s.has(flagSYN) && !s.has(flagACK) && e.phase == partial && peer.phase == inactive {
		c.enter(e, synSent)
	}
	if s.has(flagFIN) && !s.has(flagRST) {
		c.enter(e, finished)
		if peer.phase == reset && peer.prev == finished { // FIN, then RST: still a normal end
			c.enter(peer, finished)
		}
		closing = true
	}
	if s.has(flagRST) {
		c.enter(e, reset)
		c.tcp.aborted = c.tcp.aborted || peer.phase != reset || peer.prev != established
		closing = true
	}
	return closing
}

// state is conn.log's conn_state of a TCP connection.
func (t *tcp) state(history []byte) string {
	o, r := t.orig, t.resp
	origSilent := o.phase == inactive || o.phase == partial
	respSilent := r.phase == inactive || r.phase == partial
	switch {
	case r.phase == reset:
		refused := o.phase == reset && o.size(r) == 0 && r.size(o) == 0
		if o.phase == synSent || o.phase == synAckSent || refused {
			return "REJ"
		}
		return pick(origSilent, "RSTRH", "RSTR")
	case o.phase == reset && respSilent:
		return pick(synThenReset(history), "RSTOS0", "OTH")
	case o.phase == reset:
		return "RSTO"
	case r.phase == finished && o.phase == finished:
		return "SF"
	case o.phase == finished:
		return pick(respSilent, "SH", "S2")
	case r.phase == finished:
		return pick(origSilent, "SHR", "S3")
	case o.phase == synSent && r.phase == inactive:
		return "S0"
	case o.phase == established && r.phase == established:
		return "S1"
	}
	return "OTH"
}

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// synThenReset reports whether the originator sent a SYN and a RST and nothing
// that counts between them: ^?S[^HAFGIQ]*R.
func synThenReset(history []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(history, []byte("^")), []byte("S"))
	reset := bytes.IndexByte(rest, 'R')
	return ok && reset >= 0 && !bytes.ContainsAny(rest[:reset], "HAFGIQ")
}

package capture

// tooLargeJump is the distance between sequence numbers beyond which one of them is taken
// for garbage.
const tooLargeJump = 1 << 20

// setStart sets the first sequence number of a side from its first segment, or again from
// a SYN that cannot belong to the old one.
func (e *endpoint) setStart(s *segment, end uint32) {
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

// acknowledge moves what is acknowledged of the peer, and returns the position of that.
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

// advance moves the highest sequence number of a side to the end of the segment.
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
			c.addCode('T', e.isOrig)
		}
	}
}

// clean reports whether a side is established, or closed after it was.
func (e *endpoint) clean() bool {
	return e.phase == established || e.phase == finished && e.prev == established
}

// enter moves a side to a phase. After the handshake a connection may be silent for
// longer.
func (c *conn) enter(e *endpoint, next phase) {
	if next == e.phase {
		return
	}
	if !next.handshake() && e.phase.handshake() && c.tcp.peerOf(e).phase.handshake() {
		c.setIdle(tcpIdle)
	}
	e.prev, e.phase = e.phase, next
}

// transition runs the state machine and reports whether the side has closed.
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

// fromInactive handles the first segment of a side.
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
	case !byOrig && s.length == 0 && c.tcp.orig.phase == synSent: // some hosts acknowledge a SYN before they answer it
	case s.has(flagACK) && peer.phase == established: // the capture lacks only the SYN
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

// synFromInactive handles a SYN as the first segment of a side.
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

// fromEstablished handles a segment after the handshake.
func (c *conn) fromEstablished(s *segment, e, peer *endpoint) (closing bool) {
	if s.has(flagSYN) && !s.has(flagACK) && e.phase == partial && peer.phase == inactive {
		c.enter(e, synSent)
	}
	if s.has(flagFIN) && !s.has(flagRST) {
		c.enter(e, finished)
		if peer.phase == reset && peer.prev == finished { // a FIN and then a RST is a normal end
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

package capture

// tcp is the state of a TCP connection. It follows Zeek's state machine, because one flow
// ends and the next begins when Zeek forgets a connection.
type tcp struct {
	orig, resp         *endpoint
	partial            bool // the capture lacks its beginning
	origSeen, respSeen bool
	closeDeferred      bool // a side has closed, but its data is still outstanding
	aborted            bool // by a reset: only silence or the close ends it
	established        bool // by the packet that process read last
}

func newTCP() *tcp {
	return &tcp{
		orig: &endpoint{isOrig: true, bytes: newStream()},
		resp: &endpoint{bytes: newStream()},
	}
}

func (t *tcp) flip() {
	t.orig, t.resp = t.resp, t.orig
	t.orig.isOrig, t.resp.isOrig = true, false
	t.origSeen, t.respSeen = t.respSeen, t.origSeen
	t.partial = false
}

// peerOf returns the other side.
func (t *tcp) peerOf(e *endpoint) *endpoint {
	if e == t.orig {
		return t.resp
	}
	return t.orig
}

// notePartial finds out from the first packet of a side whether the capture has the
// beginning of the connection.
func (t *tcp) notePartial(s *segment, isOrig bool) {
	switch {
	case isOrig && !t.origSeen:
		t.partial = !s.has(flagSYN) || s.has(flagACK)
	case !isOrig && !t.respSeen && !t.partial:
		t.partial = !s.has(flagSYN)
	}
}

// isReuse reports whether a segment opens a new connection with the addresses and ports of
// this one.
func (t *tcp) isReuse(s *segment) bool {
	if !s.has(flagSYN) || s.headerLen < 20 {
		return false
	}
	first := t.orig
	if s.has(flagACK) {
		if t.orig.phase != inactive {
			return false
		}
		first = t.resp
	}
	if t.orig.didClose || t.resp.didClose {
		return true
	}
	reversed := !s.has(flagACK) && first.phase == synAckSent && t.resp.phase == inactive && s.seq == t.resp.start
	return s.seq != first.start && !reversed
}

// process changes the state of the connection by a segment that one side sent at ts, in
// microseconds.
func (c *conn) process(s *segment, ts int64, byOrig bool) {
	t := c.tcp
	e := t.resp
	if byOrig {
		e = t.orig
	}
	peer := t.peerOf(e)
	t.established = false
	t.notePartial(s, e.isOrig)
	end := s.seq + s.sequenceLength()
	e.setStart(s, end)
	pos, before := e.relativeSeq(s.seq, e.last, e.wraps)
	c.addSegment(s, e, pos)
	if s.window == 0 && !s.has(flagRST) && peer.phase != finished && e.phase != reset && e.zeroWindows.hit() {
		c.addCode('W', e.isOrig)
	}
	if !t.orig.didClose || !t.resp.didClose {
		c.last = ts
	}
	if s.has(flagFIN) {
		e.fins++
		e.finAt = pos + uint64(s.sequenceLength())
	}
	ackPos := e.acknowledge(s, peer)
	e.advance(s, end, c)
	closing := c.transition(s, e, peer, byOrig)
	if s.has(flagACK) && peer.bytes.acked(peer, t.partial, ackPos, c.gapIn(peer)) {
		c.checkEnd(peer)
	}
	if byOrig {
		t.origSeen = true
	} else {
		t.respSeen = true
	}
	if s.length > 0 && s.captured && !s.has(flagRST) && !before {
		if s.has(flagSYN) {
			pos++
		}
		e.bytes.data(e, peer, pos, pos+uint64(s.length))
	}
	c.checkEnd(e)
	if closing {
		c.closed(e, peer)
	}
}

// gapIn returns a function that adds lost bytes of a side to the history. It does so only
// if both sides are in a state in which that has a meaning.
func (c *conn) gapIn(e *endpoint) func() {
	return func() {
		if e.clean() && c.tcp.peerOf(e).clean() && e.gaps.hit() {
			c.addCode('G', e.isOrig)
		}
	}
}

// checkEnd closes a side whose close was deferred until its data had arrived.
func (c *conn) checkEnd(e *endpoint) {
	t := c.tcp
	over := e.fins > 0 || e.phase == finished || e.phase == reset
	if e.bytes.ended || !over || e.bytes.pending(e, t.peerOf(e)) {
		return
	}
	e.bytes.ended = true
	if t.closeDeferred {
		c.closed(e, t.peerOf(e))
		t.closeDeferred = false
	}
}

// closed marks a side as closed, and sets the deadline to forget the connection.
func (c *conn) closed(e, peer *endpoint) {
	if e.bytes.pending(e, peer) {
		c.tcp.closeDeferred = true
		return
	}
	c.tcp.closeDeferred = false
	if e.didClose {
		return
	}
	e.didClose = true
	switch {
	case e.phase == reset || peer.didClose || peer.phase == inactive:
		c.deadlines[dExpire], c.deadlines[dHalfClosed], c.deadlines[dAttempt] = never, never, never
		c.deadlines[dDelete] = c.last + closeDelay
	case e.prev != inactive:
		c.deadlines[dHalfClosed] = c.last + sessionTimer
	}
}

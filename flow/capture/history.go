package capture

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

// say adds a code to the history unless that side has said it. It reports
// whether it had. Small letters are the responder's.
func (c *conn) say(bit uint32, code byte, byOrig bool) (before bool) {
	if !byOrig {
		bit <<= 16
	}
	if c.seen&bit != 0 {
		return true
	}
	c.seen |= bit
	c.sayAgain(code, byOrig)
	return false
}

func (c *conn) sayAgain(code byte, byOrig bool) {
	if !byOrig {
		code |= 0x20
	}
	if len(c.history) < maxHistory {
		c.history = append(c.history, code)
	}
}

// maxHistory bounds a history in memory; Zeek has no bound.
const maxHistory = 256

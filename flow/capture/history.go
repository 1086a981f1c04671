package capture

// History codes that come once per side: bits of conn.historyBits.
const (
	histSYN = 1 << iota
	histFIN
	histRST
	histFINRST
	histData
	histACK
	histMulti
	histLimit
)

// addSegment adds a segment to the history, as in conn.log.
func (c *conn) addSegment(s *segment, e *endpoint, pos uint64) {
	syn, fin, rst := s.has(flagSYN), s.has(flagFIN), s.has(flagRST)
	switch {
	case fin && rst:
		c.addOnce(histFINRST, 'I', e.isOrig)
	case syn && (fin || rst):
		c.addOnce(histMulti, 'Q', e.isOrig)
	case syn:
		code := byte('S')
		if s.has(flagACK) {
			code = 'H'
		}
		c.addIfMoved(histSYN, code, e.isOrig, &e.lastSYN, pos)
	case fin:
		c.addIfMoved(histFIN, 'F', e.isOrig, &e.lastFIN, pos+uint64(s.length))
	case rst:
		c.addIfMoved(histRST, 'R', e.isOrig, &e.lastRST, pos)
	case s.length > 0:
		c.flipAfterSYNACK()
		c.addOnce(histData, 'D', e.isOrig)
	case s.has(flagACK):
		c.flipAfterSYNACK()
		c.addOnce(histACK, 'A', e.isOrig)
	}
}

// addIfMoved adds the code of a control packet. It repeats the code if the packet came at
// another position than the last one.
func (c *conn) addIfMoved(bit uint32, code byte, byOrig bool, last *uint64, pos uint64) {
	if c.addOnce(bit, code, byOrig) && pos != *last {
		c.addCode(code, byOrig)
	}
	*last = pos
}

// flipAfterSYNACK flips a connection that began with a SYN-ACK, once traffic shows that it
// was no scan: the sender of the SYN-ACK is the responder.
func (c *conn) flipAfterSYNACK() {
	if string(c.history) == "H" {
		c.flip()
		c.history = append(c.history[:0], "^h"...)
		c.tcp.origSeen = true
	}
}

// addOnce adds a code to the history unless that side's code is there. It reports whether
// it was. The responder's codes are small letters.
func (c *conn) addOnce(bit uint32, code byte, byOrig bool) (before bool) {
	if !byOrig {
		bit <<= 16
	}
	if c.historyBits&bit != 0 {
		return true
	}
	c.historyBits |= bit
	c.addCode(code, byOrig)
	return false
}

// addCode adds a code to the history.
func (c *conn) addCode(code byte, byOrig bool) {
	if !byOrig {
		code |= 0x20
	}
	if len(c.history) < maxHistory {
		c.history = append(c.history, code)
	}
}

// maxHistory bounds the memory of a history. Zeek has no bound.
const maxHistory = 256

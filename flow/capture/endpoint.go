package capture

// phase is how far one side of a TCP connection has come.
type phase uint8

const (
	inactive phase = iota
	synSent
	synAckSent
	partial // the capture lacks its beginning
	established
	finished // sent a FIN
	reset
)

// handshake reports whether the side has sent no more than its first SYN.
func (p phase) handshake() bool { return p <= synAckSent }

// endpoint is one side of a TCP connection: its phase and its sequence numbers. A position
// is a sequence number in 64 bits, which counts how often the 32 bits have wrapped.
type endpoint struct {
	isOrig      bool
	phase, prev phase
	start       uint32 // sequence number of the SYN, or what it must have been
	last, ack   uint32 // highest sent, highest acknowledged by the other side
	wraps       uint32 // of last
	ackWraps    uint32
	fins        int
	finAt       uint64 // the position of the FIN, relative to start
	didClose    bool
	lastSYN     uint64 // positions of the control packets in the history
	lastFIN     uint64
	lastRST     uint64
	resent      scaledCount
	zeroWindows scaledCount
	gaps        scaledCount
	bytes       stream
}

// scaledCount counts. hit returns true when the count reaches 1, 10, 100 ...: Zeek's
// history repeats some codes only then.
type scaledCount struct{ count, next uint32 }

func (s *scaledCount) hit() bool {
	if s.count++; s.count == max(s.next, 1) {
		s.next = max(s.next, 1) * 10
		return true
	}
	return false
}

// full is a position.
func (e *endpoint) full(seq, wraps uint32) uint64 { return uint64(wraps)<<32 + uint64(seq) }

// relative is a position counted from start.
func (e *endpoint) relative(seq, wraps uint32) uint64 {
	return e.full(seq, wraps) - uint64(e.start)
}

// relativeSeq returns the position of a sequence number, relative to start. It takes the
// one nearest to last. before reports whether it lies before start.
func (e *endpoint) relativeSeq(seq, last, wraps uint32) (pos uint64, before bool) {
	switch delta := int32(seq - last); {
	case delta < 0 && wraps > 0 && seq > last:
		wraps--
	case delta > 0 && seq < last:
		wraps++
	}
	if wraps == 0 {
		delta := int32(seq - e.start)
		return uint64(int64(delta)), delta < 0
	}
	return e.relative(seq, wraps), false
}

// begin sets the first sequence number and the highest one so far.
func (e *endpoint) begin(start, last uint32) {
	e.start, e.ack, e.last = start, start, last
}

// moveLast moves the highest sequence number sent.
func (e *endpoint) moveLast(seq uint32) {
	if seq < e.last {
		e.wraps++
	}
	e.last = seq
}

// moveAck moves the highest sequence number acknowledged.
func (e *endpoint) moveAck(seq uint32) {
	if seq < e.ack {
		e.ackWraps++
	}
	e.ack = seq
}

// nothingAcked reports whether none of the side's data was acknowledged. Its SYN may be.
func (e *endpoint) nothingAcked() bool {
	ack := e.full(e.ack, e.ackWraps)
	return ack == uint64(e.start) || ack == uint64(e.start)+1
}

// size is the number of payload bytes that the side sent, by its sequence numbers.
func (e *endpoint) size(peer *endpoint) uint64 {
	if e.prev == synSent && e.phase == reset && peer.phase == inactive && !e.nothingAcked() {
		return 0 // its SYN met a half-open connection: the numbers have no meaning
	}
	size := max(e.full(e.last, e.wraps), e.full(e.ack, e.ackWraps)) - uint64(e.start)
	if size != 0 {
		size-- // the SYN
	}
	if e.fins > 0 && size != 0 {
		size-- // the FIN
	}
	return size
}

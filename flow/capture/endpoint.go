package capture

// phase is how far one side of a TCP connection has come.
type phase uint8

const (
	inactive phase = iota
	synSent
	synAckSent
	partial // seen without its beginning
	established
	finished // sent a FIN
	reset
)

// handshake reports whether the side has not got beyond its first SYN.
func (p phase) handshake() bool { return p <= synAckSent }

// endpoint is one side of a TCP connection: its phase and its place in the
// sequence space. Positions are 64 bits wide and count the space's wraps.
type endpoint struct {
	isOrig      bool
	phase, prev phase
	start       uint32 // sequence number of the SYN, real or presumed
	last, ack   uint32 // highest sent, highest acknowledged by the other side
	wraps       uint32 // of last
	ackWraps    uint32
	fins        int
	finAt       uint64 // relative to start
	didClose    bool
	lastSYN     uint64 // where the control packets that the history tells of were
	lastFIN     uint64
	lastRST     uint64
	resent      scaled
	zeroWindows scaled
	gaps        scaled
	bytes       stream
}

// scaled counts, and tells when the count reaches 1, 10, 100 ...
type scaled struct{ count, next uint32 }

func (s *scaled) hit() bool {
	if s.count++; s.count == max(s.next, 1) {
		s.next = max(s.next, 1) * 10
		return true
	}
	return false
}

func (e *endpoint) full(seq, wraps uint32) uint64 { return uint64(wraps)<<32 + uint64(seq) }

// relative is a position counted from the side's first sequence number.
func (e *endpoint) relative(seq, wraps uint32) uint64 {
	return e.full(seq, wraps) - uint64(e.start)
}

// relativeSeq places a sequence number near the last one seen. before reports
// that it lies ahead of the side's first.
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

func (e *endpoint) begin(start, last uint32) {
	e.start, e.ack, e.last = start, start, last
}

func (e *endpoint) moveLast(seq uint32) {
	if seq < e.last {
		e.wraps++
	}
	e.last = seq
}

func (e *endpoint) moveAck(seq uint32) {
	if seq < e.ack {
		e.ackWraps++
	}
	e.ack = seq
}

// nothingAcked reports whether none of the side's data was acknowledged; its
// SYN may be.
func (e *endpoint) nothingAcked() bool {
	ack := e.full(e.ack, e.ackWraps)
	return ack == uint64(e.start) || ack == uint64(e.start)+1
}

// size is how many payload bytes the side sent, by its sequence numbers.
func (e *endpoint) size(peer *endpoint) uint64 {
	if e.prev == synSent && e.phase == reset && peer.phase == inactive && !e.nothingAcked() {
		return 0 // a half-open connection found out: its numbers mean nothing
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

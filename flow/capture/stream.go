package capture

// Bounds beyond which Zeek stops following a stream.
const (
	maxUnackedAboveHole = 16384    // bytes above a hole while nothing was acknowledged
	maxInitialWindow    = 16384    // bytes delivered while nothing was acknowledged
	maxUnacked          = 10 << 20 // bytes that are not acknowledged
	maxUnackedRanges    = 256      // ranges of them; Zeek has no bound
)

// stream follows which bytes of a side have arrived in order. It keeps positions only, no
// bytes. They decide when a connection that sent its FIN is closed: Zeek waits until the
// data before the FIN was seen or counts as lost.
type stream struct {
	unacked   rangeSet // captured and not acknowledged
	delivered uint64   // everything before it has arrived or counts as lost
	ackedTo   uint64   // everything before it is acknowledged
	gaveUp    bool     // a bound was exceeded: the stream is not followed any more
	ended     bool     // checkEnd has seen the end
}

func newStream() stream { return stream{delivered: 1, ackedTo: 1} }

// data adds the captured bytes from seq to end of side e.
func (s *stream) data(e, peer *endpoint, seq, end uint64) {
	if s.gaveUp {
		return
	}
	ack := e.relative(e.ack, e.ackWraps)
	if seq < ack {
		if end <= ack {
			return
		}
		seq = ack
	}
	if seq = max(seq, s.ackedTo); seq >= end {
		return
	}
	s.unacked.add(seq, end)
	s.deliver()
	if e.nothingAcked() && e.size(peer) > maxInitialWindow {
		s.unacked.dropBelow(s.delivered)
	}
	if s.exceedsBounds(e) {
		s.unacked, s.gaveUp = nil, true
	}
}

// deliver moves delivered over the ranges that have arrived in order.
func (s *stream) deliver() {
	for _, have := range s.unacked {
		if have.start > s.delivered {
			return
		}
		s.delivered = max(s.delivered, have.end)
	}
}

// exceedsBounds reports whether too many bytes wait for an acknowledgement.
func (s *stream) exceedsBounds(e *endpoint) bool {
	if len(s.unacked) == 0 {
		return false
	}
	if len(s.unacked) > maxUnackedRanges {
		return true
	}
	last := s.unacked[len(s.unacked)-1].end
	if e.nothingAcked() && last > s.delivered+maxUnackedAboveHole {
		return true
	}
	var unacked uint64
	for _, have := range s.unacked {
		unacked += have.end - have.start
	}
	return unacked > maxUnacked
}

// acked moves ackedTo: the other side acknowledged everything before seq. Bytes that have
// not arrived until then never will, and gap is called for each such hole. acked returns
// false if seq was acknowledged before.
func (s *stream) acked(e *endpoint, isPartial bool, seq uint64, gap func()) bool {
	if e.fins > 0 && seq >= e.finAt {
		seq = e.finAt - 1
	}
	if seq <= s.ackedTo {
		return false
	}
	if seq > s.delivered {
		s.skipMissing(isPartial, seq, gap)
	}
	s.unacked.dropBelow(seq)
	s.deliver()
	s.ackedTo = seq
	return true
}

// skipMissing counts the bytes before seq that have not arrived as lost.
func (s *stream) skipMissing(isPartial bool, seq uint64, gap func()) {
	if seq <= 2 && isPartial {
		return // the SYN of a connection whose beginning was not captured
	}
	if !s.gaveUp {
		for len(s.unacked) > 0 && s.delivered < seq {
			next := s.unacked[0]
			if next.end <= s.delivered {
				s.unacked = s.unacked[1:]
				continue
			}
			if next.start >= seq {
				break
			}
			if next.start > s.delivered {
				gap()
			}
			s.delivered = next.end
		}
		if seq > s.delivered {
			gap()
		}
	}
	s.delivered = max(s.delivered, seq)
}

// pending reports whether data is outstanding: of side e, or of its peer if e has yet to
// acknowledge it.
func (s *stream) pending(e, peer *endpoint) bool {
	if s.gaveUp {
		return false
	}
	delivered, last := uint64(e.start)+s.delivered, e.full(e.last, e.wraps)
	if last < delivered {
		return false
	}
	if delivered != last-1 && delivered != last {
		return true
	}
	return e.phase != reset && len(peer.bytes.unacked) > 0
}

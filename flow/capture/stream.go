package capture

// Bounds beyond which Zeek gives up on a stream's order.
const (
	maxUnackedAboveHole = 16384    // bytes behind a hole while nothing was acknowledged
	maxInitialWindow    = 16384    // bytes delivered while nothing was acknowledged
	maxHeld             = 10 << 20 // bytes held for want of acknowledgements
	maxSpans            = 256      // holes; Zeek has no bound
)

// stream follows which of a side's bytes have arrived in order. No byte is kept,
// only positions: they decide when a connection that sent its FIN is closed,
// since Zeek waits until the data before it was seen or given up for lost.
type stream struct {
	held      spans  // captured and not acknowledged
	delivered uint64 // everything before it has arrived or is given up
	trimmed   uint64 // everything before it is acknowledged
	gaveUp    bool
	ended     bool // the end was told of
}

func newStream() stream { return stream{delivered: 1, trimmed: 1} }

// data notes captured bytes from seq to end of side e.
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
	if seq = max(seq, s.trimmed); seq >= end {
		return
	}
	s.held.add(seq, end)
	s.deliver()
	if e.nothingAcked() && e.size(peer) > maxInitialWindow {
		s.held.dropBelow(s.delivered)
	}
	if s.tooMuch(e) {
		s.held, s.gaveUp = nil, true
	}
}

// deliver moves on over what has arrived in order.
func (s *stream) deliver() {
	for _, have := range s.held {
		if have.start > s.delivered {
			return
		}
		s.delivered = max(s.delivered, have.end)
	}
}

func (s *stream) tooMuch(e *endpoint) bool {
	if len(s.held) == 0 {
		return false
	}
	if len(s.held) > maxSpans {
		return true
	}
	last := s.held[len(s.held)-1].end
	if e.nothingAcked() && last > s.delivered+maxUnackedAboveHole {
		return true
	}
	var held uint64
	for _, have := range s.held {
		held += have.end - have.start
	}
	return held > maxHeld
}

// acked notes that the other side acknowledged everything before seq. What has
// not arrived until then never will: gap is called for each such hole. It
// reports whether the acknowledgement was news.
func (s *stream) acked(e *endpoint, isPartial bool, seq uint64, gap func()) bool {
	if e.fins > 0 && seq >= e.finAt {
		seq = e.finAt - 1
	}
	if seq <= s.trimmed {
		return false
	}
	if seq > s.delivered {
		s.lose(isPartial, seq, gap)
	}
	s.held.dropBelow(seq)
	s.deliver()
	s.trimmed = seq
	return true
}

// lose gives up the bytes before seq that have not arrived.
func (s *stream) lose(isPartial bool, seq uint64, gap func()) {
	if seq <= 2 && isPartial {
		return // the presumed SYN of a connection seen without its beginning
	}
	if !s.gaveUp {
		for len(s.held) > 0 && s.delivered < seq {
			next := s.held[0]
			if next.end <= s.delivered {
				s.held = s.held[1:]
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

// pending reports whether data of side e, or of its peer's for which e still
// owes an acknowledgement, is outstanding.
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
	return e.phase != reset && len(peer.bytes.held) > 0
}

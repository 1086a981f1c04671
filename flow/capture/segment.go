package capture

import "encoding/binary"

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// segment is a TCP header and the length of the payload after it.
type segment struct {
	seq, ack  uint32
	flags     uint8
	window    uint16
	headerLen int
	length    uint32 // payload bytes on the wire
	captured  bool   // the capture has all of them
}

func (s *segment) has(flag uint8) bool { return s.flags&flag != 0 }

// sequenceLength is the number of sequence numbers that the segment takes.
func (s *segment) sequenceLength() uint32 {
	n := s.length
	if s.has(flagRST) {
		n = 0
	}
	if s.has(flagSYN) {
		n++
	}
	if s.has(flagFIN) {
		n++
	}
	return n
}

// parseSegment reads a TCP header. whole is false if the header is invalid or cut inside
// its options: such a packet opens a connection but does not count.
func parseSegment(p *packet) (s segment, whole bool) {
	size := p.size
	if p.total == 0 { // with segmentation offload Zeek uses the captured bytes
		size = p.captured
	}
	headerLen := int(p.body[12]>>4) * 4
	s = segment{
		seq:       binary.BigEndian.Uint32(p.body[4:]),
		ack:       binary.BigEndian.Uint32(p.body[8:]),
		flags:     p.body[13],
		window:    binary.BigEndian.Uint16(p.body[14:]),
		headerLen: headerLen,
		length:    uint32(max(size-headerLen, 0)),
		captured:  p.captured >= size,
	}
	return s, headerLen >= 20 && headerLen <= size && headerLen <= len(p.body)
}

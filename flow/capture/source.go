package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors that Convert wraps.
var (
	ErrEmpty      = errors.New("empty: capture again, or check the transfer")
	ErrNotCapture = errors.New("not a capture: want pcap or pcapng, plain, .gz, .zst or .bz2")
	ErrLinkType   = errors.New("unknown link type")
	ErrCut        = errors.New("ends inside a packet")
)

// maxFrame is how many bytes of a frame may be captured, as in libpcap. A capture with a
// larger one is damaged.
const maxFrame = 256 << 10

// frame is one captured frame.
type frame struct {
	ts    int64  // microseconds since the Unix epoch; finer times are truncated, as in libpcap
	data  []byte // valid until the next frame is read
	wire  int    // bytes on the wire
	link  linkType
	order binary.ByteOrder // of the machine that captured
}

// setData takes the captured bytes and the length on the wire. A length below the number
// of captured bytes is wrong, since the bytes are there.
func (f *frame) setData(data []byte, captured, wire uint32) {
	f.data, f.wire = data, int(max(captured, wire))
}

// source reads frames from a pcap or pcapng stream.
type source struct {
	in     *input
	format interface {
		next(f *frame) error
	}
	unit string // what the format consists of, for errors
	read int    // frames so far
}

// newSource reads the header of the capture.
func newSource(r io.Reader) (*source, error) {
	s := &source{in: newInput(r)}
	magic, err := s.in.buf.Peek(4)
	switch {
	case err == io.EOF && len(magic) == 0:
		return nil, ErrEmpty
	case err == io.EOF:
		return nil, ErrNotCapture
	case err != nil:
		return nil, err
	}
	if binary.LittleEndian.Uint32(magic) == blockSection {
		s.unit = "block"
		if s.format, err = newPcapng(s.in); err != nil {
			return nil, s.damaged("pcapng header", err)
		}
		return s, nil
	}
	variant, ok := pcapVariant(magic)
	if !ok {
		return nil, ErrNotCapture
	}
	file, err := newPcapFile(s.in, variant)
	if err != nil {
		return nil, s.damaged("pcap header", err)
	}
	if file.link.layer() == nil {
		return nil, file.link.unknown()
	}
	s.unit, s.format = "packet", file
	return s, nil
}

// damaged returns an error that says where and how the file is damaged.
func (s *source) damaged(what string, err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s cut at byte %d, after %d whole packets: copy the capture again, or go on with those",
			ErrCut, what, s.in.offset(), s.read)
	}
	return fmt.Errorf("%s damaged at byte %d, after %d whole packets: %w", what, s.in.offset(), s.read, err)
}

// next reads one frame. The error is io.EOF if the capture ends after a whole one.
func (s *source) next(f *frame) error {
	switch err := s.format.next(f); err {
	case nil:
		s.read++
		return nil
	case io.EOF:
		return io.EOF
	default:
		return s.damaged(s.unit, err)
	}
}

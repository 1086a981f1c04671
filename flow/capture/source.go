package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Errors that Convert wraps.
var (
	ErrEmpty      = errors.New("empty: capture again, or check the transfer")
	ErrNotCapture = errors.New("not a capture: want pcap or pcapng, plain, .gz or .zst")
	ErrLinkType   = errors.New("unknown link type")
	ErrCut        = errors.New("ends inside a packet")
)

// frame is one captured frame.
type frame struct {
	ts   int64  // microseconds since the Unix epoch; finer times are truncated, as in libpcap
	data []byte // valid until the next frame is read
	wire int    // bytes on the wire
	link layers.LinkType
}

// source reads frames from a pcap or pcapng stream.
type source struct {
	counter *countingReader
	buf     *bufio.Reader // shared with pcapgo, so that offset is exact
	packets interface {
		ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	}
	link layers.LinkType // of the file; pcapng has one for each interface
	read int             // frames so far
}

// countingReader counts the bytes that were read from r.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// newSource reads the header of the capture.
func newSource(r io.Reader) (*source, error) {
	s := &source{counter: &countingReader{r: r}}
	s.buf = bufio.NewReaderSize(s.counter, 64<<10)
	magic, err := s.buf.Peek(4)
	switch {
	case err == io.EOF && len(magic) == 0:
		return nil, ErrEmpty
	case err == io.EOF:
		return nil, ErrNotCapture
	case err != nil:
		return nil, err
	}
	switch binary.LittleEndian.Uint32(magic) {
	case 0x0a0d0d0a:
		ng, err := pcapgo.NewNgReader(s.buf, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, s.damaged("pcapng header", err)
		}
		s.packets = ng
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1:
		pcap, err := pcapgo.NewReader(s.buf)
		if err != nil {
			return nil, s.damaged("pcap header", err)
		}
		s.packets, s.link = pcap, pcap.LinkType()
		if _, err := networkOffset(s.link, nil); errors.Is(err, ErrLinkType) {
			return nil, err
		}
	default:
		return nil, ErrNotCapture
	}
	return s, nil
}

// offset is the number of bytes read from the decompressed capture.
func (s *source) offset() int64 { return s.counter.n - int64(s.buf.Buffered()) }

// damaged returns an error that says where and how the file is damaged.
func (s *source) damaged(what string, err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s cut at byte %d, after %d whole packets: copy the capture again, or go on with those",
			ErrCut, what, s.offset(), s.read)
	}
	return fmt.Errorf("%s damaged at byte %d, after %d whole packets: %w", what, s.offset(), s.read, err)
}

// next reads one frame. The error is io.EOF if the capture ends after a whole frame.
func (s *source) next(f *frame) error {
	start := s.offset()
	data, info, err := s.packets.ZeroCopyReadPacketData()
	if err == io.EOF && s.offset() == start {
		return io.EOF
	}
	if err != nil {
		return s.damaged("packet", err)
	}
	s.read++
	f.ts, f.data, f.wire, f.link = info.Timestamp.UnixMicro(), data, info.Length, s.link
	if len(info.AncillaryData) > 0 {
		f.link = info.AncillaryData[0].(layers.LinkType)
	}
	return nil
}

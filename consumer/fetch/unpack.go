package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress/lz4"
)

// codecs as a batch's attributes number them.
const (
	plain = iota
	gzipped
	snappied
	lz4ed
	zstded
)

// unpacker unpacks one batch after the other, each as a stream where its codec
// has streams.
type unpacker struct {
	memory *Memory
	packed bytes.Reader
	gzip   *gzip.Reader
	snappy snappyReader
	lz4    lz4.Codec
	// To be handed back when the batch is read.
	zstd *zstd.Decoder
	wide bool
	open io.ReadCloser
}

// needs estimates how much memory beyond a small batch's unpacking one takes,
// from its first bytes.
func needs(codec int, head []byte) int64 {
	switch codec {
	case zstded:
		switch w := zstdWindow(head); {
		case w > maxWindow:
			return maxBlock
		case w > small:
			return maxWindow
		}
	case snappied:
		if n, err := snappy.DecodedLen(head); !isXerial(head) && err == nil && n > small {
			return min(int64(n), maxBlock)
		}
	}
	return 0
}

// zstdWindow is how far the first frame may look back.
func zstdWindow(head []byte) uint64 {
	var h zstd.Header
	if h.Decode(head) != nil {
		return 0
	}
	if h.SingleSegment {
		return h.FrameContentSize
	}
	return h.WindowSize
}

// begin gives the stream of what a batch has packed; nil, and all of it, where it
// had to be unpacked at once.
func (u *unpacker) begin(codec int, packed []byte) (io.Reader, []byte, error) {
	u.packed.Reset(packed)
	switch codec {
	case plain:
		return nil, packed, nil
	case gzipped:
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		return u.gzip, nil, u.gzip.Reset(&u.packed)
	case snappied:
		u.snappy.reset(packed)
		return &u.snappy, nil, nil
	case lz4ed:
		u.open = u.lz4.NewReader(&u.packed)
		return u.open, nil, nil
	case zstded:
		return u.beginZstd(packed)
	}
	return nil, nil, refuse(Compression, "codec %d is none that Kafka has", codec)
}

func (u *unpacker) beginZstd(packed []byte) (io.Reader, []byte, error) {
	window := zstdWindow(packed)
	if window > maxWindow { // from level 20 on; a stream would keep a buffer as large
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, nil, err
		}
		defer d.Close()
		all, err := d.DecodeAll(packed, make([]byte, 0, maxBlock))
		return nil, all, err
	}
	u.wide = window > small
	pool := &u.memory.narrow
	if u.wide {
		pool = &u.memory.wide
	}
	u.zstd = pool.Get().(*zstd.Decoder)
	return u.zstd, nil, u.zstd.Reset(&u.packed)
}

// end hands back what the batch was unpacked with.
func (u *unpacker) end() {
	if u.zstd != nil {
		u.zstd.Reset(nil)
		if u.wide {
			u.memory.wide.Put(u.zstd)
		} else {
			u.memory.narrow.Put(u.zstd)
		}
		u.zstd = nil
	}
	if u.open != nil {
		u.open.Close()
		u.open = nil
	}
	u.packed.Reset(nil)
	u.snappy.reset(nil)
}

// reasonFor turns what a codec says into why the batch cannot be read.
func reasonFor(err error) *Error {
	var bad *Error
	switch {
	case errors.As(err, &bad):
		return bad
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return refuse(BatchTooLarge, "it unpacks to more than %d bytes at once", maxBlock)
	case errors.Is(err, io.EOF):
		return refuse(Malformed, "it ends before its last record does")
	}
	return refuse(Compression, "%v", err)
}

// snappyReader unpacks a batch that is one block of snappy, or blocks in the
// frames of Java's xerial.
type snappyReader struct {
	packed []byte
	framed bool
	block  []byte // unpacked
	from   int
}

var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

// xerialHead is the magic and two versions.
const xerialHead = 16

func isXerial(packed []byte) bool {
	return len(packed) >= xerialHead && bytes.HasPrefix(packed, xerialMagic)
}

func (s *snappyReader) reset(packed []byte) {
	if cap(s.block) > small {
		s.block = nil
	}
	*s = snappyReader{packed: packed, framed: isXerial(packed), block: s.block[:0]}
	if s.framed {
		s.packed = packed[xerialHead:]
	}
}

func (s *snappyReader) Read(b []byte) (int, error) {
	for s.from == len(s.block) {
		if err := s.unpack(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.block[s.from:])
	s.from += n
	return n, nil
}

// unpack unpacks the next block.
func (s *snappyReader) unpack() error {
	packed, most := s.packed, maxBlock
	if len(packed) == 0 {
		return io.EOF
	}
	s.packed = nil
	if s.framed {
		if len(packed) < 4 || uint64(binary.BigEndian.Uint32(packed)) > uint64(len(packed)-4) {
			return snappy.ErrCorrupt
		}
		end := 4 + int(binary.BigEndian.Uint32(packed))
		packed, s.packed, most = packed[4:end], packed[end:], small
	}
	n, err := snappy.DecodedLen(packed)
	if err == nil && n > most {
		return refuse(BatchTooLarge, "a block of it unpacks to %d bytes, at most %d", n, most)
	}
	if err == nil {
		s.block, err = snappy.Decode(s.block[:cap(s.block)], packed)
	}
	s.from = 0
	return err
}

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

// The codecs, as a batch's attributes number them.
const (
	codecNone = iota
	codecGzip
	codecSnappy
	codecLZ4
	codecZstd
)

// unpacker unpacks one batch after the other, as a stream where the codec has streams.
type unpacker struct {
	memory *Memory
	packed bytes.Reader
	gzip   *gzip.Reader
	snappy snappyReader
	lz4    lz4.Codec
	// These are released when the batch is read.
	zstd      *zstd.Decoder
	wide      bool
	lz4Stream io.ReadCloser
}

// unpackMemory estimates, from the first compressed bytes of a batch, how many bytes it
// takes to unpack it; 0 where they are no more than for a small batch.
func unpackMemory(codec int, head []byte) int64 {
	switch codec {
	case codecZstd:
		switch w := zstdWindow(head); {
		case w > maxWindow:
			return maxBlock
		case w > smallBatch:
			return maxWindow
		}
	case codecSnappy:
		if n, err := snappy.DecodedLen(head); !isXerial(head) && err == nil && n > smallBatch {
			return min(int64(n), maxBlock)
		}
	}
	return 0
}

// zstdWindow is how many bytes the first frame may look back.
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

// begin returns the stream of a batch's unpacked records. Where they had to be unpacked at
// once, the stream is nil, and all of them are in the second result.
func (u *unpacker) begin(codec int, packed []byte) (io.Reader, []byte, error) {
	u.packed.Reset(packed)
	switch codec {
	case codecNone:
		return nil, packed, nil
	case codecGzip:
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		return u.gzip, nil, u.gzip.Reset(&u.packed)
	case codecSnappy:
		u.snappy.reset(packed)
		return &u.snappy, nil, nil
	case codecLZ4:
		u.lz4Stream = u.lz4.NewReader(&u.packed)
		return u.lz4Stream, nil, nil
	case codecZstd:
		return u.beginZstd(packed)
	}
	return nil, nil, newError(Compression, "codec %d is none that Kafka has", codec)
}

func (u *unpacker) beginZstd(packed []byte) (io.Reader, []byte, error) {
	window := zstdWindow(packed)
	if window > maxWindow { // from level 20 on; the decoder of a stream would keep a buffer of that size
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, nil, err
		}
		defer d.Close()
		all, err := d.DecodeAll(packed, make([]byte, 0, maxBlock))
		return nil, all, err
	}
	u.wide = window > smallBatch
	pool := &u.memory.narrow
	if u.wide {
		pool = &u.memory.wide
	}
	u.zstd = pool.Get().(*zstd.Decoder)
	return u.zstd, nil, u.zstd.Reset(&u.packed)
}

// end releases what the batch was unpacked with.
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
	if u.lz4Stream != nil {
		u.lz4Stream.Close()
		u.lz4Stream = nil
	}
	u.packed.Reset(nil)
	u.snappy.reset(nil)
}

// unpackError says by a codec's error why the batch cannot be read.
func unpackError(err error) *Error {
	var bad *Error
	switch {
	case errors.As(err, &bad):
		return bad
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return newError(BatchTooLarge, "it unpacks to more than %d bytes at once", maxBlock)
	case errors.Is(err, io.EOF):
		return newError(Malformed, "it ends before its last record does")
	}
	return newError(Compression, "%v", err)
}

// snappyReader unpacks a batch of snappy: one block, or several in the frames of the
// library that Java clients use, xerial.
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
	if cap(s.block) > smallBatch {
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
		packed, s.packed, most = packed[4:end], packed[end:], smallBatch
	}
	n, err := snappy.DecodedLen(packed)
	if err == nil && n > most {
		return newError(BatchTooLarge, "a block of it unpacks to %d bytes, at most %d", n, most)
	}
	if err == nil {
		s.block, err = snappy.Decode(s.block[:cap(s.block)], packed)
	}
	s.from = 0
	return err
}

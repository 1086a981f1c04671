// Package decompress unpacks data that gzip, zstd or bzip2 has compressed.
package decompress

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// HeadBytes is how many bytes of a file's beginning Format looks at.
const HeadBytes = 10

// maxWindow is the memory that a zstd stream may ask for, in bytes. It is enough for
// `zstd --long=27`, the largest window that zstd reads without a further flag.
const maxWindow = 128 << 20

// The beginnings of files. Text may begin with BZh1, so the magic number of the first
// block, or of the end of an empty file, tells bzip2.
const (
	gzipMagic  = "\x1f\x8b"
	zstdMagic  = "\x28\xb5\x2f\xfd"
	zstdSkip   = "\x2a\x4d\x18" // behind a byte from 0x50 to 0x5f: a frame to skip, as pzstd writes first
	bzip2Block = "\x31\x41\x59\x26\x53\x59"
	bzip2End   = "\x17\x72\x45\x38\x50\x90"
)

// Format returns the compression of a file that begins with head: gzip, zstd or bzip2;
// empty for anything else.
func Format(head []byte) string {
	begins := func(at int, magic string) bool { return len(head) >= at && bytes.HasPrefix(head[at:], []byte(magic)) }
	switch {
	case begins(0, gzipMagic):
		return "gzip"
	case begins(0, zstdMagic), begins(1, zstdSkip) && head[0]>>4 == 5:
		return "zstd"
	case begins(0, "BZh") && (begins(4, bzip2Block) || begins(4, bzip2End)) && head[3]-'1' <= 8:
		return "bzip2"
	}
	return ""
}

// Unread returns the compression of a file that begins with head, if it is one that
// NewReader does not unpack; empty for anything else.
func Unread(head []byte) string {
	for _, other := range [...]struct{ magic, name string }{
		{"\xfd7zXZ\x00", "xz"}, {"\x5d\x00\x00", "lzma"}, {"LZIP\x01", "lzip"},
		{"\x04\x22\x4d\x18", "lz4"}, {"\x02\x21\x4c\x18", "lz4"}, {"\xff\x06\x00\x00sNaPpY", "snappy"},
		{"PK\x03\x04", "zip"}, {"7z\xbc\xaf\x27\x1c", "7z"}, {"\x1f\x9d", "compress"},
	} {
		if bytes.HasPrefix(head, []byte(other.magic)) {
			return other.name
		}
	}
	return ""
}

// NewReader returns the content of r. It recognises the compression by the first bytes
// and returns anything else unchanged, but refuses what Unread knows. Closing the result
// frees the decompressor, and does not close r. An error of a read wraps
// io.ErrUnexpectedEOF if the data end too early.
func NewReader(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(HeadBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if other := Unread(head); other != "" {
		return nil, fmt.Errorf("decompress: it is compressed by %s, which is not read: unpack it", other)
	}
	format := Format(head)
	var plain io.ReadCloser
	switch format {
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			plain = z.IOReadCloser()
		}
	case "gzip":
		plain, err = gzip.NewReader(br)
	case "bzip2":
		plain, err = io.NopCloser(bzip2.NewReader(br)), nil
	default:
		return io.NopCloser(br), nil
	}
	if err != nil {
		return nil, fmt.Errorf("decompress: %s: %w", format, unexpected(err))
	}
	return reader{plain, format}, nil
}

// reader adds the compression to errors. Otherwise a damaged archive would look like
// damaged content.
type reader struct {
	io.ReadCloser
	format string
}

func (d reader) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("decompress: %s: %w", d.format, err)
	}
	return n, err
}

// unexpected is the error of data that end inside their header.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most memory that a zstd stream may ask for, bytes. It is what
// `zstd --long=27`, the tool's own limit without a flag for more, can write.
const maxWindow = 128 << 20

// Decompress gives what r holds: it peels zstd and gzip, told by their first
// bytes, and hands anything else through as it is. Closing the result frees the
// decompressor; it does not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	magic, err := br.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	switch {
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("decompress: zstd: %w", err)
		}
		return peeled{z.IOReadCloser(), "zstd"}, nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("decompress: gzip: %w", err)
		}
		return peeled{z, "gzip"}, nil
	}
	return io.NopCloser(br), nil
}

// peeled names the compression in errors: without it, a damaged archive would
// read like a damaged capture.
type peeled struct {
	io.ReadCloser
	format string
}

func (p peeled) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("decompress: %s: %w", p.format, err)
	}
	return n, err
}

// Open opens a file of any kind, compressed or not, and gives what it holds; the
// path "-" is standard input. Closing the result closes the file.
func Open(path string) (io.ReadCloser, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
	}
	z, err := Decompress(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return opened{z, f}, nil
}

type opened struct {
	io.ReadCloser
	file *os.File
}

func (o opened) Close() error {
	return errors.Join(o.ReadCloser.Close(), o.file.Close())
}

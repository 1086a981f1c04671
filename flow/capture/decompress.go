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

// maxWindow is the memory that a zstd stream may ask for, in bytes. It is enough for
// `zstd --long=27`, the largest window that zstd reads without a further flag.
const maxWindow = 128 << 20

// Decompress returns the content of r. It recognises zstd and gzip by their first bytes
// and returns anything else unchanged. Closing the result frees the decompressor, and
// does not close r.
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
		return decompressed{z.IOReadCloser(), "zstd"}, nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("decompress: gzip: %w", err)
		}
		return decompressed{z, "gzip"}, nil
	}
	return io.NopCloser(br), nil
}

// decompressed adds the compression to errors. Otherwise a damaged archive would look like
// a damaged capture.
type decompressed struct {
	io.ReadCloser
	format string
}

func (d decompressed) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("decompress: %s: %w", d.format, err)
	}
	return n, err
}

// Open opens a file, compressed or not, and returns its content. The path "-" is standard
// input. Closing the result closes the file.
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
	return openFile{z, f}, nil
}

// openFile closes the file with its decompressor.
type openFile struct {
	io.ReadCloser
	file *os.File
}

func (o openFile) Close() error {
	return errors.Join(o.ReadCloser.Close(), o.file.Close())
}

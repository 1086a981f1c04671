package capture

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serveflow/serveflow/internal/decompress"
)

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
	z, err := decompress.NewReader(f)
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

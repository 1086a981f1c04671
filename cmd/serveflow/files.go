package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
)

// open opens a file, or standard input for "-". unpack returns its content: decompress.NewReader, or
// logfile.Open, which refuses what is no log.
func open(t terminal, name string, unpack func(io.Reader) (io.ReadCloser, error)) (io.ReadCloser, error) {
	var file io.ReadCloser = io.NopCloser(t.in)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError{err}
		}
		file = f
	}
	plain, err := unpack(file)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%s: %w; it is still being written, or was cut: read it again when it is whole", name, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return both{plain, file}, nil
}

// both closes the decompressor and the file below it.
type both struct {
	io.ReadCloser
	file io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.file.Close()) }

// eachRecord hands the records of a log to take, until that fails or ctx is done. most is how
// many bytes a line may have.
func eachRecord(ctx context.Context, t terminal, name string, most int, take func(rec logfile.Record) error) (*logfile.Reader, error) {
	in, err := open(t, name, logfile.Open)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	records := logfile.NewReader(in, name, most)
	for ctx.Err() == nil {
		rec, err := records.Next()
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return records, fmt.Errorf("%s: cut short after line %d: %w; it is still being written, or was cut: read it again when it is whole", name, records.Lines(), err)
		case errors.Is(err, io.EOF):
			return records, nil
		case err != nil && records.Lines() == 0:
			return records, fmt.Errorf("%s: %w", name, err)
		case err != nil:
			return records, fmt.Errorf("%s: cut short after line %d: %w", name, records.Lines(), err)
		}
		if err := take(rec); err != nil {
			return records, err
		}
	}
	return records, ctx.Err()
}

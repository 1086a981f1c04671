package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/decompress"
)

// open opens a file, or standard input for "-", and unpacks it.
func open(t terminal, name string) (io.ReadCloser, error) {
	var file io.ReadCloser = io.NopCloser(t.in)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError{err}
		}
		file = f
	}
	plain, err := decompress.NewReader(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return both{plain, file}, nil
}

// both closes the decompressor and the file below it.
type both struct {
	io.ReadCloser
	file io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.file.Close()) }

// eachLine is eachLineOf for records of the usual size.
func eachLine(ctx context.Context, t terminal, name string, take func(number int, line []byte) error) error {
	return eachLineOf(ctx, t, name, zeek.MaxRecord, take)
}

// eachLineOf hands the lines of a record file to take, numbered from 1, without
// their newline, until that fails or ctx is done. A line longer than a record
// may be, most bytes, is handed over cut, for take to refuse.
func eachLineOf(ctx context.Context, t terminal, name string, most int, take func(number int, line []byte) error) error {
	in, err := open(t, name)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, most+1)
	for number := 1; ; number++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			if takeErr := take(number, trimNewline(line)); takeErr != nil {
				return takeErr
			}
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && !long && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: cut short after line %d: %w", name, number, err)
		}
		if err != nil {
			return nil
		}
	}
}

func trimNewline(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

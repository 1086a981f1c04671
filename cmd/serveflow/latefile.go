package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// writable opens a file for writing, and leaves what is in it until something is written; stdout
// where no file is named, or -.
func writable(name string, stdout io.Writer) (io.WriteCloser, error) {
	if name == "" || name == "-" {
		return keptOpen{stdout}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, usageError{err}
	}
	return &lateFile{file: f}, nil
}

// keptOpen is standard output, which others close.
type keptOpen struct{ out io.Writer }

func (k keptOpen) Write(b []byte) (int, error) { return k.out.Write(b) }
func (k keptOpen) Close() error                { return nil }

// lateFile is a file that is emptied as the first bytes are written; a pipe cannot be.
type lateFile struct {
	file  *os.File
	begun bool
}

func (l *lateFile) Write(b []byte) (int, error) {
	if !l.begun {
		if err := l.file.Truncate(0); err != nil && !errors.Is(err, syscall.EINVAL) {
			return 0, err
		}
		l.begun = true
	}
	return l.file.Write(b)
}

func (l *lateFile) Close() error { return l.file.Close() }

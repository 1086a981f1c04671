package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/internal/decompress"
	"github.com/serveflow/serveflow/workbench/rerun"
)

// readRecords reads records, and captures as records, into memory. The error says how much could
// not be read: the rest is there.
func readRecords(ctx context.Context, t terminal, s *Settings, spec *cascade.Spec, files []string) (*rerun.Records, error) {
	records := rerun.NewRecords(spec.Conns, s.limits())
	if err := present(files); err != nil {
		return records, err
	}
	var logs []string
	var faults []error
	convert := conversion{terminal: t, out: bufio.NewWriter(&lineWriter{take: records.Add}), depth: spec.Depth(), conns: spec.Conns}
	for _, name := range files {
		if !isCapture(name) {
			logs = append(logs, name)
			continue
		}
		stats, emitErr, err := convert.file(ctx, name)
		if err := errors.Join(emitErr, convert.out.Flush()); err != nil {
			return records, err
		}
		if err != nil {
			faults = append(faults, err)
		} else if why := convert.silence(stats); why != "" {
			fmt.Fprintf(t.err, "serveflow: %s: %s\n", name, why)
		}
	}
	if logs != nil {
		reader := logFiles{t: t, most: s.limits().OrDefault().Record, conns: spec.Conns}
		faults = append(faults, reader.each(ctx, logs, func(record []byte, _ int) error { return records.Add(record) }))
	}
	return records, errors.Join(faults...)
}

// captureMagics are the beginnings of pcap files, in both orders of bytes and both units of time,
// and of pcapng.
const captureMagics = "\xa1\xb2\xc3\xd4\xd4\xc3\xb2\xa1\xa1\xb2\x3c\x4d\x4d\x3c\xb2\xa1\x0a\x0d\x0d\x0a"

// isCapture reports whether a file is a capture, packed or not. Standard input is taken for records.
func isCapture(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	plain, err := decompress.NewReader(file)
	if err != nil {
		return false
	}
	defer plain.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(plain, head); err != nil {
		return false
	}
	return slices.ContainsFunc([]int{0, 4, 8, 12, 16}, func(at int) bool { return captureMagics[at:at+4] == string(head) })
}

// lineWriter hands on what is written to it, line by line.
type lineWriter struct {
	take func(line []byte) error
	rest []byte
}

// Write takes what may end within a line.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte{'\n'})
		if !whole {
			return len(p), nil
		}
		if err := l.take(line); err != nil {
			return 0, err
		}
		l.rest = rest
	}
}

// writeFile writes a file that is whole or not there.
func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".serveflow-*")
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", name, err)}
	}
	defer os.Remove(file.Name())
	out := bufio.NewWriter(file)
	err = errors.Join(write(out), out.Flush(), file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

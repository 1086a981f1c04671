package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/serveflow/serveflow/workbench/annotate"
)

// missFile has the rows that gave no flow a label.
type missFile struct {
	file io.WriteCloser
	rows *csv.Writer
}

// newMissFile opens the file; without a name, rows go nowhere.
func newMissFile(name string) (*missFile, error) {
	if name == "" {
		return &missFile{}, nil
	}
	file, err := writable(name, nil)
	if err != nil {
		return nil, err
	}
	m := &missFile{file, csv.NewWriter(bufio.NewWriterSize(file, 1<<16))}
	return m, m.rows.Write([]string{"source", "line", "why", "name"})
}

func (m *missFile) write(miss annotate.Miss) error {
	if m.rows == nil {
		return nil
	}
	return m.rows.Write([]string{miss.Source, strconv.Itoa(miss.Line), miss.Why, miss.Name})
}

func (m *missFile) close() error {
	if m.rows == nil {
		return nil
	}
	m.rows.Flush()
	if err := m.rows.Error(); err != nil {
		m.file.Close()
		return fmt.Errorf("write the unmatched rows: %w", err)
	}
	return m.file.Close()
}

// Package lab gives tests real records out of packed files.
package lab

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Records returns the lines of testdata/records/NAME.jsonl.zst. The lab's packet and end
// records are in lab, its conn.log records in lab-conn.
func Records(t testing.TB, name string) (lines [][]byte) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	s := bufio.NewScanner(Unpack(t, filepath.Join(filepath.Dir(here), "../../testdata/records", name+".jsonl.zst")))
	for s.Scan() {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// Unpack opens a zstd file, which is closed when the test ends.
func Unpack(t testing.TB, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(z.Close)
	return z
}

// Package lab gives tests real records out of packed files.
package lab

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/internal/decompress"
)

// Shared is the name of load/trace's records in ../shared/data/zeek, which is no part of the
// repository.
const Shared = "trace.flowpkt.log.zst"

// Records returns the lines of testdata/records/NAME.jsonl.zst. The lab's packet and end
// records are in lab, its conn.log records in lab-conn.
func Records(t testing.TB, name string) (lines [][]byte) {
	t.Helper()
	return linesOf(t, own(name))
}

// Trace returns the records that a bench labels, one a line, and the path of the file that they
// are from: file, or where that is empty Shared, or the lab's if Shared is not there. Lines that
// are no JSON objects are left out. The test fails if the file cannot be read.
func Trace(t testing.TB, file string) (records [][]byte, path string) {
	t.Helper()
	if file == "" {
		file = inRepository("../shared/data/zeek/" + Shared)
		if _, err := os.Stat(file); err != nil {
			file = own("lab")
		}
	}
	records = slices.DeleteFunc(linesOf(t, file), func(line []byte) bool { return !bytes.HasPrefix(line, []byte("{")) })
	return records, file
}

// Unpack opens a file, compressed or not, which is closed when the test ends.
func Unpack(t testing.TB, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	in, err := decompress.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// linesOf gives the lines of a file, without the white space around them.
func linesOf(t testing.TB, path string) (lines [][]byte) {
	t.Helper()
	all, err := io.ReadAll(Unpack(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for line := range bytes.Lines(all) {
		lines = append(lines, slices.Clip(bytes.TrimSpace(line))) // who appends to one must not write over the next
	}
	return lines
}

func own(name string) string { return inRepository("testdata/records/" + name + ".jsonl.zst") }

// inRepository is the path of a file, of which the repository's own path is the begin.
func inRepository(name string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../..", name)
}

package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/decompress"
)

func compressed(t *testing.T, format string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&buf)
	if format == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&buf); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.zst")
	if err := os.WriteFile(path, compressed(t, "zstd", []byte("hello")), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A capture that is cut at any byte must give the records of its whole packets, and an
// error unless the cut lies between two packets.
func TestCutAnywhere(t *testing.T) {
	for _, name := range []string{"raw-ip.pcap", "pcapng-two-interfaces.pcapng"} {
		data, err := os.ReadFile(filepath.Join(captures, "odd", name))
		if err != nil {
			t.Fatal(err)
		}
		clean, last := 0, 0
		for n := 1; n <= len(data); n++ {
			check := newChecker(t)
			stats, err := Convert(bytes.NewReader(data[:n]), Options{}, check.record)
			check.done(stats)
			if stats.Packets < last {
				t.Fatalf("%s cut at %d: %d packets, %d before", name, n, stats.Packets, last)
			}
			last = stats.Packets
			switch {
			case err == nil:
				clean++
			case n < 4 && errors.Is(err, ErrNotCapture):
			case !errors.Is(err, ErrCut):
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
		if clean < last || clean > last+8 { // and behind headers and other blocks
			t.Errorf("%s: %d clean ends for %d packets", name, clean, last)
		}
	}
}

// A compressed capture that is cut must give an error, after the records before the cut.
func TestCutCompressed(t *testing.T) {
	f := newCapture(t)
	for i := range 2000 {
		f.udp(float64(i), client, other, i%100)
	}
	whole := compressed(t, "gzip", f.file.Bytes())
	r, err := decompress.NewReader(bytes.NewReader(whole[:len(whole)/2]))
	if err != nil {
		t.Fatal(err)
	}
	stats, err := Convert(r, Options{}, func(*zeek.Record, *zeek.Summary) error { return nil })
	if !errors.Is(err, ErrCut) || stats.Packets == 0 || stats.Ends != stats.Flows {
		t.Errorf("%v %+v", err, stats)
	}
}

type brokenReader struct{ r io.Reader }

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errors.New("the disk is gone")
	}
	return n, err
}

func TestReadError(t *testing.T) {
	f := newCapture(t)
	f.udp(0, client, other, 5)
	stats, err := Convert(brokenReader{&f.file}, Options{}, func(*zeek.Record, *zeek.Summary) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "the disk is gone") || stats.Ends != 1 {
		t.Errorf("%v %+v", err, stats)
	}
	if _, err := Convert(brokenReader{strings.NewReader("")}, Options{}, nil); err == nil || errors.Is(err, ErrEmpty) {
		t.Errorf("%v", err)
	}
}

package capture

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// FuzzConvert checks that no damaged capture causes a panic, and that the records are
// consistent.
func FuzzConvert(f *testing.F) {
	var files []string
	for _, folder := range []string{filepath.Join(captures, "odd"), filepath.Join("testdata", "cases")} {
		some, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(some) == 0 {
			f.Fatalf("%s: %d seeds, %v", folder, len(some), err)
		}
		files = append(files, some...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		check := newChecker(t)
		stats, err := Convert(bytes.NewReader(data), Options{MaxFlows: 16}, check.record)
		if err == nil && len(data) == 0 {
			t.Fatal("an empty file without an error")
		}
		check.done(stats)
	})
}

func BenchmarkConvert(b *testing.B) {
	in, err := Open(filepath.Join(captures, "lab.pcap.zst"))
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	var data bytes.Buffer
	if _, err := data.ReadFrom(in); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	packets := 0
	for b.Loop() {
		stats, err := Convert(bytes.NewReader(data.Bytes()), Options{}, func(*zeek.Record, *zeek.Summary) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		packets += stats.Packets
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
}

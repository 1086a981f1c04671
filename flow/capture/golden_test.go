package capture

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const captures = "../../testdata/captures"

// convertFile converts a capture and returns the records as text.
func convertFile(t *testing.T, path string) ([]byte, Stats, error) {
	t.Helper()
	in, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out []byte
	stats, err := Convert(in, Options{}, func(rec *zeek.Record, sum *zeek.Summary) error {
		out = append(appendAny(out, rec, sum), '\n')
		return nil
	})
	return out, stats, err
}

func appendAny(dst []byte, rec *zeek.Record, sum *zeek.Summary) []byte {
	if sum != nil {
		return zeek.AppendEnd(dst, rec, sum)
	}
	return zeek.AppendRecord(dst, rec)
}

// TestGolden compares the records of each unusual capture with its golden file, and checks
// the error.
func TestGolden(t *testing.T) {
	wrong := map[string]struct {
		err  error
		says string
	}{
		"cut-mid-header":    {ErrCut, "packet cut at byte 1068, after 9 whole packets"},
		"cut-mid-packet":    {ErrCut, "packet cut at byte 1108, after 9 whole packets"},
		"not-a-capture":     {ErrNotCapture, "want pcap or pcapng"},
		"unknown-link-type": {ErrLinkType, "unknown link type 147: want Ethernet"},
		"zero-bytes":        {ErrEmpty, "empty"},
	}
	files, err := filepath.Glob(filepath.Join(captures, "odd", "*.pcap*"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d odd captures, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		t.Run(name, func(t *testing.T) {
			got, _, err := convertFile(t, file)
			want := wrong[name]
			if !errors.Is(err, want.err) || err != nil && !strings.Contains(err.Error(), want.says) {
				t.Errorf("error %v, want %v: %s", err, want.err, want.says)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			compareGolden(t, filepath.Join("testdata", name+".jsonl"), got)
		})
	}
}

func compareGolden(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: look at the change, then run with -update\ngot:\n%s", golden, got)
	}
}

// The same packets must give the same records in every file format and with every link
// type.
func TestFormatsAgree(t *testing.T) {
	want, _, err := convertFile(t, filepath.Join(captures, "odd", "raw-ip.pcap"))
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	for _, name := range []string{"big-endian", "nanoseconds", "vlan", "qinq", "sll", "sll2"} {
		got, _, err := convertFile(t, filepath.Join(captures, "odd", name+".pcap"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// The records of a real capture must be consistent.
func TestLab(t *testing.T) {
	in, err := Open(filepath.Join(captures, "lab.pcap.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	check := newChecker(t)
	stats, err := Convert(in, Options{}, check.record)
	if err != nil {
		t.Fatal(err)
	}
	check.done(stats)
	if stats.Flows < 300 || stats.LeftOut.Malformed > 0 || stats.LeftOut.BadTime > 0 {
		t.Errorf("%+v", stats)
	}
}

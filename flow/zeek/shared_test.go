package zeek

import (
	"bufio"
	"bytes"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

// TestRealRecords compares, on records of a real Zeek, the decoder with encoding/json and
// AppendRecord with Zeek. It reads one file by default, and all of them, nearly a million
// records, if no test may be skipped.
func TestRealRecords(t *testing.T) { eachReal(t, ".flowpkt.log.zst", checkReal) }

// TestRealConns does the same for conn.log.
func TestRealConns(t *testing.T) { eachReal(t, ".conn.log.zst", checkRealConns) }

func eachReal(t *testing.T, suffix string, check func(t *testing.T, lines *bufio.Scanner)) {
	pattern := "device-test" + suffix
	if needs.Everything() {
		pattern = "*" + suffix
	}
	folder := needs.SharedData(t, "zeek")
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in %s, error %v", pattern, folder, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			lines := bufio.NewScanner(lab.Unpack(t, file))
			check(t, lines)
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func checkReal(t *testing.T, lines *bufio.Scanner) {
	var d Decoder
	var rec Record
	var again []byte
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if err := d.Decode(line, &rec); err != nil {
			t.Fatalf("line %d: %v\n%s", n, err, line)
		}
		if again = AppendRecord(again[:0], &rec); rec.Kind == Packet && !bytes.Equal(behindTime(again), behindTime(line)) {
			t.Fatalf("line %d: written as\n%s\nwant\n%s", n, again, line)
		}
		if rec.Kind == Packet && n%16 != 0 {
			continue // it was written back as it was read, and the reference is slow
		}
		want, err := reference(line, false)
		if err != nil || !same(rec, want) {
			t.Fatalf("line %d: got\n%+v\nwant %v\n%+v", n, rec, err, want)
		}
	}
}

func checkRealConns(t *testing.T, lines *bufio.Scanner) {
	d := Decoder{Conns: true}
	var rec Record
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if err := d.Decode(line, &rec); err != nil || rec.Kind != Conn {
			t.Fatalf("line %d: kind %d %v\n%s", n, rec.Kind, err, line)
		}
		if n%16 != 0 {
			continue
		}
		want, err := reference(line, true)
		if err != nil || !same(rec, want) {
			t.Fatalf("line %d: got\n%+v %+v\nwant %v\n%+v", n, rec, rec.Conn, err, want)
		}
	}
}

// behindTime is the record from the uid on. Zeek sometimes prints one digit too many of a
// time (.4232619 for .423262).
func behindTime(line []byte) []byte {
	return line[max(bytes.Index(line, []byte(`,"uid"`)), 0):]
}

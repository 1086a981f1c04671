package capture

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/needs"
)

// TestConnLogAgainstZeek compares what AppendConn writes for a capture with the conn.log of
// a real Zeek. It must have the same connections with the same numbers.
func TestConnLogAgainstZeek(t *testing.T) {
	t.Run("lab", func(t *testing.T) {
		compareConns(t, "../../testdata/captures/lab.pcap.zst", "../../testdata/records/lab-conn.jsonl.zst")
	})
	shared := needs.SharedData(t, ".")
	for name, path := range map[string]string{"service-test": "service/test", "full": "load/full"} {
		t.Run(name, func(t *testing.T) {
			compareConns(t, filepath.Join(shared, path+".pcap.zst"), filepath.Join(shared, "zeek", name+".conn.log.zst"))
		})
	}
}

func compareConns(t *testing.T, capture, connLog string) {
	t.Helper()
	ours := connsOf(t, func(take func([]byte)) { convertConns(t, capture, take) })
	zeeks := connsOf(t, func(take func([]byte)) { readLines(t, connLog, take) })
	equal := 0
	for _, conn := range zeeks {
		if _, there := slices.BinarySearch(ours, conn); there {
			equal++
		}
	}
	t.Logf("%d of %d connections equal", equal, len(zeeks))
	if equal != len(zeeks) || len(ours) != len(zeeks) || equal == 0 {
		t.Errorf("%d of %d connections equal; ours has %d", equal, len(zeeks), len(ours))
	}
}

// connsOf returns the connections as sorted lines without the uid.
func connsOf(t *testing.T, lines func(take func([]byte))) (all []string) {
	t.Helper()
	d := zeek.Decoder{Conns: true}
	lines(func(line []byte) {
		var rec zeek.Record
		if err := d.Decode(line, &rec); err != nil || rec.Kind != zeek.Conn {
			t.Fatalf("%v: %s", err, line)
		}
		c := *rec.Conn
		all = append(all, fmt.Sprintf("%d %v %v %d %d %d/%d pkts %d/%d bytes %d/%d ip %s %s", rec.TS, rec.Orig, rec.Resp, rec.Proto, c.Duration,
			c.OrigPkts, c.RespPkts, c.OrigBytes, c.RespBytes, c.OrigIPBytes, c.RespIPBytes, c.State, c.History))
	})
	slices.Sort(all)
	return all
}

func convertConns(t *testing.T, path string, take func([]byte)) {
	t.Helper()
	in, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var line []byte
	if _, err := Convert(in, Options{EveryEnd: true}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum != nil {
			line = zeek.AppendConn(line[:0], rec, sum)
			take(line)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

package nprint

import (
	"bufio"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

// TestAgainstZeek: on real traffic the features, from header bytes alone, are
// what Zeek itself wrote beside them.
func TestAgainstZeek(t *testing.T) {
	for _, name := range []string{"full", "device-test", "service-test"} {
		t.Run(name, func(t *testing.T) {
			checked := againstZeek(t, "zeek/"+name+".flowpkt.log.zst")
			if checked == 0 {
				t.Error("no packet to check")
			}
		})
	}
}

func againstZeek(t *testing.T, name string) (checked int) {
	lines := openShared(t, name)
	e := mustNew(t, []string{"p1_ip_len", "p1_payload_len", "p1_ip_ttl", "p1_tcp_flags", "p1_tcp_window"})
	var decoder zeek.Decoder
	for lines.Scan() {
		var rec zeek.Record
		if err := decoder.Decode(lines.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		if rec.Kind != zeek.Packet || rec.IPLen == zeek.Absent || rec.HdrWhy == zeek.Frag {
			continue
		}
		checked++
		got := make([]float32, 5)
		e.Extract(got, ofOne(bare(rec.TS, true), rec.Hdr), 1)
		want := []float32{float32(rec.IPLen), float32(rec.PayloadLen), float32(rec.TTL), float32(rec.Flags), float32(rec.Window)}
		for i, value := range want {
			if value != zeek.Absent && got[i] != value {
				t.Errorf("%s: field %d is %v, Zeek says %v", lines.Text(), i, got[i], value)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return checked
}

// openShared opens a file of the shared data.
func openShared(t *testing.T, name string) *bufio.Scanner {
	t.Helper()
	return bufio.NewScanner(lab.Unpack(t, needs.SharedData(t, name)))
}

package nprint

import (
	"encoding/hex"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run `go test -update` to make it", err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what the code gives: run `go test -update` and read the difference", file)
	}
}

// raw reads hexadecimal; spaces and bars are for people.
func raw(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "", "\n", "", "\t", "").Replace(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b
}

// bare is a packet whose record has no fields of its own.
func bare(ts int64, fromOrig bool) flow.Packet {
	return flow.Packet{TS: ts, FromOrig: fromOrig, IPLen: zeek.Absent, PayloadLen: zeek.Absent,
		Window: zeek.Absent, TTL: zeek.Absent, Flags: zeek.Absent}
}

// newFlow is a TCP flow over IPv4 without packets.
func newFlow() *flow.Flow {
	return &flow.Flow{Proto: zeek.TCP, Orig: netip.MustParseAddrPort("10.0.0.1:49153"),
		Resp: netip.MustParseAddrPort("10.0.0.2:80")}
}

// ofOne is a flow of one packet.
func ofOne(p flow.Packet, hdr []byte) *flow.Flow {
	f := newFlow()
	f.Put(1, p, hdr)
	return f
}

func mustNew(t testing.TB, names []string) *Extractor {
	t.Helper()
	e, err := New(names)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// columns are an extractor with its names.
type columns struct {
	names []string
	e     *Extractor
}

func newColumns(t testing.TB, names []string) columns {
	t.Helper()
	return columns{names, mustNew(t, names)}
}

// of gives a flow's features by name.
func (c columns) of(f *flow.Flow, depth int) map[string]float32 {
	dst := make([]float32, len(c.names))
	c.e.Extract(dst, f, depth)
	m := make(map[string]float32, len(dst))
	for i, name := range c.names {
		m[name] = dst[i]
	}
	return m
}

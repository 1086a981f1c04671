package zeek

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares what the decoder reads with the golden files: records of converted
// captures, a few written by hand, and some in every envelope.
func TestGolden(t *testing.T) {
	envelopes, err := filepath.Glob("testdata/shapes/*.jsonl")
	if err != nil || len(envelopes) == 0 {
		t.Fatal("no envelopes", err)
	}
	t.Run("records", func(t *testing.T) { checkGolden(t, "testdata/records.jsonl", &Decoder{}) })
	for _, file := range envelopes {
		t.Run(filepath.Base(file), func(t *testing.T) { checkGolden(t, file, &Decoder{Conns: true}) })
	}
}

func checkGolden(t *testing.T, file string, d *Decoder) {
	input, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	var rec Record
	for line := range bytes.Lines(input) {
		if err := d.Decode(line, &rec); err != nil {
			fmt.Fprintln(&got, "error:", err)
			continue
		}
		fmt.Fprintf(&got, "kind=%d ts=%d uid=%s sensor=%s %s > %s proto=%d n=%d orig=%v ip_len=%d plen=%d ttl=%d flags=%d win=%d hdr=%x%s sent=%d closed=%v",
			rec.Kind, rec.TS, rec.UID, rec.Sensor, rec.Orig, rec.Resp, rec.Proto, rec.N, rec.FromOrig,
			rec.IPLen, rec.PayloadLen, rec.TTL, rec.Flags, rec.Window, rec.Hdr, rec.HdrWhy, rec.Sent, rec.Closed)
		if c := rec.Conn; c != nil {
			fmt.Fprintf(&got, " duration=%d bytes=%d/%d missed=%d pkts=%d/%d ip_bytes=%d/%d service=%s state=%s history=%s", c.Duration,
				c.OrigBytes, c.RespBytes, c.MissedBytes, c.OrigPkts, c.RespPkts, c.OrigIPBytes, c.RespIPBytes, c.Service, c.State, c.History)
		}
		fmt.Fprintln(&got)
	}
	golden := strings.TrimSuffix(file, ".jsonl") + ".golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s differs: look at the change, then run with -update\ngot:\n%s", golden, got.String())
	}
}

// A record must be written byte for byte as it was read.
func TestAppendRecord(t *testing.T) {
	input, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	var rec Record
	written := 0
	for line := range bytes.Lines(input) {
		if !bytes.HasPrefix(line, []byte(`{"ev":"pkt"`)) || d.Decode(line, &rec) != nil {
			continue
		}
		written++
		if got := AppendRecord(nil, &rec); string(got) != strings.TrimSpace(string(line)) {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
	if written < 20 {
		t.Errorf("only %d packet records looked at", written)
	}
}

func TestAppendEnd(t *testing.T) {
	rec := mustDecode(t, endLine)
	sum := Summary{
		Duration: 0.21148395538330078, ConnState: "SF", History: "ShADadFf",
		OrigPkts: 7, RespPkts: 7, OrigIPBytes: 512, RespIPBytes: 5379, OrigBytes: 136, RespBytes: 5007,
	}
	if got := string(AppendEnd(nil, &rec, &sum)); got != endLine {
		t.Errorf("got  %s\nwant %s", got, endLine)
	}
	bare := string(AppendEnd(nil, &rec, &Summary{OrigBytes: Absent, RespBytes: Absent}))
	for _, name := range []string{"duration", "conn_state", "history", "orig_bytes", "resp_bytes"} {
		if strings.Contains(bare, `"`+name+`"`) {
			t.Errorf("%s is there though unset: %s", name, bare)
		}
	}
	if again := mustDecode(t, bare); again.Closed || again.Sent != 10 {
		t.Errorf("got %+v", again)
	}
}

// Zeek writes a float with the fewest digits, always with a point, and with an exponent
// for less than a millionth.
func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1700000000: "1700000000.0", 1362692526.939084: "1362692526.939084", 943755158.54086: "943755158.54086",
		9.5367431640625e-07: "9.5367431640625e-7", 1.1920928955078125e-06: "0.0000011920928955078125", 3.5e-12: "3.5e-12",
	} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
}

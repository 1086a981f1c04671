package zeek

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// baselines are the logs that the btests of the Zeek package expect from a real Zeek.
const baselines = "../../zeek-scripts/testing/Baseline"

// TestPackageRecords reads what the Zeek package writes. Every record must decode, and a
// packet record in the full form must be written back as Zeek wrote it. The packets of a
// flow must be numbered from 1, and its end record must count them, unless a policy
// leaves some out.
func TestPackageRecords(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(baselines, "*", "*.log"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d baselines of the Zeek package under %s: %v", len(files), baselines, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			checkBaseline(t, text, filepath.Base(filepath.Dir(file)) == "tests.policy")
		})
	}
}

func checkBaseline(t *testing.T, text []byte, gaps bool) {
	var d Decoder
	var rec Record
	packets := make(map[string]uint32) // of each open flow
	records := 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if bytes.HasPrefix(line, []byte("###")) { // btest's own heading
			continue
		}
		records++
		if err := d.Decode(line, &rec); err != nil {
			t.Errorf("%v\n%s", err, line)
			continue
		}
		uid := string(rec.UID)
		switch rec.Kind {
		case Packet:
			if packets[uid]++; packets[uid] != rec.N && !gaps {
				t.Errorf("packet %d is the record's, %d the flow's\n%s", rec.N, packets[uid], line)
			}
			if got := AppendRecord(nil, &rec); bytes.Contains(line, []byte(`"id.orig_h":`)) && !bytes.Equal(behindTime(got), behindTime(line)) {
				t.Errorf("written as\n%s\nwant\n%s", got, line)
			}
		case End:
			if rec.Sent != packets[uid] && !gaps {
				t.Errorf("%d packet records, but the end counts %d\n%s", packets[uid], rec.Sent, line)
			}
			delete(packets, uid)
		default:
			t.Errorf("neither packet nor end\n%s", line)
		}
	}
	if records == 0 || len(packets) > 0 {
		t.Errorf("%d records, %d flows without an end", records, len(packets))
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// ICMP, and transports that Zeek has no name for, are not what bundles/service-conn was trained
// on: they get no confident label.
func TestUnknownTransportIsNotGuessed(t *testing.T) {
	code, stdout, stderr := runCommand(t, nil, "", "replay", "--task", connTask, "flow/zeek/testdata/unknown-transport.jsonl")
	if code != exitOK || strings.Count(stdout, "\n") != 6 || stderr != "" {
		t.Fatalf("exit code %d, %s%s", code, stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		var l label
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Label != "unknown" || l.Confidence != 0 || l.Reason != "unsupported" || l.Stage != "" || !strings.Contains(line, `"top":[],"final":true`) {
			t.Errorf("%s", line)
		}
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// ICMP, and transports that Zeek has no name for, are not what the bundles were trained on: they get
// no confident label, from conn.log or from packets.
func TestUnknownTransportIsNotGuessed(t *testing.T) {
	onnxtest.Library(t)
	const conns = "flow/zeek/testdata/unknown-transport.jsonl"
	packet := func(uid, proto string) string {
		return `{"ev":"pkt","ts":1700000000.1,"uid":"` + uid + `","id.orig_h":"192.0.2.1","id.orig_p":8,"id.resp_h":"198.51.100.2","id.resp_p":0,"proto":"` + proto + `","n":1,"is_orig":true,"ip_len":84,"plen":56,"ttl":64}` + "\n"
	}
	for _, c := range []struct {
		args  string
		in    string
		flows int
	}{
		{"replay --task " + connTask + " " + conns, "", 6},
		{"replay --task service -", packet("C1", "icmp") + packet("C2", "unknown_transport"), 2},
	} {
		code, stdout, stderr := runCommand(t, nil, c.in, strings.Fields(c.args)...)
		if code != exitOK || strings.Count(stdout, "\n") != c.flows || stderr != "" {
			t.Fatalf("%s: exit code %d, %s%s", c.args, code, stdout, stderr)
		}
		for line := range strings.Lines(stdout) {
			var l label
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			if l.Label != "unknown" || l.Confidence != 0 || l.Reason != "unsupported" || l.Stage != "" || !strings.Contains(line, `"top":[],`) {
				t.Errorf("%s: %s", c.args, line)
			}
		}
	}
}

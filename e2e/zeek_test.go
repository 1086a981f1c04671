package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Over a capture: Zeek, ship and serveflow give the labels that replay gives, ship is killed
// in the middle, and a second capture adds only its own flows.
func TestThroughZeek(t *testing.T) {
	requireEngine(t)
	capture := filepath.Join(t.TempDir(), "lab.pcap")
	unpack(t, filepath.Join("..", "testdata", "captures", "lab.pcap.zst"), capture)
	p := newProject(t, map[string]string{"ZEEK_CAPTURE": capture})
	p.must(startLimit, "--profile", "capture", "up", "--detach", "--wait", "ship", "serveflow")
	want := byFlow(p.replayed())
	p.must(startLimit, "--profile", "capture", "up", "--detach", "zeek")
	await.Until(t, "records", func() bool { return len(kafkatest.ReadAll(t, p.kafkaAddr(), "serveflow.packets")) > 100 })
	p.kill("ship")
	p.awaitHealthy("ship", startLimit)
	await.Within(t, 2*time.Minute, "every label", func() bool { return len(p.written()) >= len(want) }, func() any { return len(p.written()) })
	if n := p.one("ship").RestartCount; n != 1 {
		t.Errorf("ship was restarted %d times", n)
	}
	got := byFlow(firsts(p.written()))
	for flow, l := range want {
		if got[flow] == nil || got[flow]["label"] != l["label"] || got[flow]["packets"] != l["packets"] {
			t.Errorf("%s: got %v\nreplay gives %v", flow, got[flow], l)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d flows, want %d", len(got), len(want))
	}
	p.secondCapture(len(want))
	if behind := p.metrics("ship", "serveflow_ship_lag_bytes", nil); behind != 0 {
		t.Errorf("ship is %v bytes behind, at the address that it publishes", behind)
	}
}

// unpack writes a packed file to a plain one, which is its owner's alone, as captures are.
func unpack(t *testing.T, packed, plain string) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "zstd", "-dcq", packed).Output()
	if err == nil {
		err = os.WriteFile(plain, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// secondCapture runs Zeek over another capture, which adds its own flows and no others.
func (p *project) secondCapture(before int) {
	p.t.Helper()
	capture := filepath.Join(p.t.TempDir(), "second.pcap")
	text, err := os.ReadFile(filepath.Join("..", "testdata", "captures", "odd", "qinq.pcap"))
	if os.Getenv("E2E_IMAGES") == "local" { // the stand-in takes records for a capture
		text, err = []byte(secondRecord), nil
	}
	if err == nil {
		err = os.WriteFile(capture, text, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.env["ZEEK_CAPTURE"] = capture
	p.must(startLimit, "--profile", "capture", "up", "--detach", "--force-recreate", "--no-deps", "zeek")
	await.Within(p.t, time.Minute, "labels of the second capture", func() bool { return len(p.written()) > before })
	labels := p.written()
	if len(labels) != before+1 {
		p.t.Errorf("%d labels after a capture of one flow, %d before", len(labels), before)
	}
	for id, same := range labels {
		if slices.ContainsFunc(same[1:], func(l label) bool { return !sameLabel(l, same[0]) }) {
			p.t.Errorf("%s is not the same label each time: %v", id, same)
		}
	}
}

// secondRecord is a flow of one packet, which its end record closes.
const secondRecord = `{"ev":"pkt","ts":1764000100.1,"uid":"CSecond","id.orig_h":"10.9.0.1","id.orig_p":1024,"id.resp_h":"10.9.0.2","id.resp_p":53,"proto":"udp","n":1,"is_orig":true,"hdr":"RQAAHAAAAABAEWbPCgAAAQoAAAIEAAA1AAgAAA=="}
{"ev":"end","ts":1764000100.1,"uid":"CSecond","id.orig_h":"10.9.0.1","id.orig_p":1024,"id.resp_h":"10.9.0.2","id.resp_p":53,"proto":"udp","sent":1}
`

// byFlow gives labels by the flow's addresses and start: another Zeek gives other uids.
func byFlow(labels map[string]label) map[string]label {
	flows := map[string]label{}
	for _, l := range labels {
		flows[fmt.Sprint(l["orig_h"], l["orig_p"], l["resp_h"], l["resp_p"], l["proto"], l["ts_first"])] = l
	}
	return flows
}

// firsts is one label of each id.
func firsts(labels map[string][]label) map[string]label {
	one := map[string]label{}
	for id, same := range labels {
		one[id] = same[0]
	}
	return one
}

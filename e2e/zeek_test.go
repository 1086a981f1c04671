package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	unpacked, err := exec.Command("zstd", "-dcq", filepath.Join("..", "testdata", "captures", "lab.pcap.zst")).Output()
	if err == nil {
		err = os.WriteFile(capture, unpacked, 0o600) // its owner's alone, as captures are
	}
	if err != nil {
		t.Fatal(err)
	}
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
	if behind := p.metrics("ship", "serveflow_ship_lag_bytes", nil); behind != 0 {
		t.Errorf("ship is %v bytes behind, at the address that it publishes", behind)
	}
}

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

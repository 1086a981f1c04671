package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What an operator gets wrong ends `up` with a fault, in time, and the fault is named.
func TestWhatIsWrongIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // after the subtests
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	text := filepath.Join(t.TempDir(), "notes.pcap")
	if err := os.WriteFile(text, []byte("no capture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		up   []string
		says string
	}{
		{"taken port", map[string]string{"KAFKA_PORT": port}, nil, port},
		{"wrong task", map[string]string{"SERVEFLOW_TASK": "sevice"}, nil, "bundles/sevice"},
		{"wrong setting", map[string]string{"SERVEFLOW_MAX_MEMORY": "much"}, nil, `SERVEFLOW_MAX_MEMORY="much"`},
		{"no such capture", map[string]string{"ZEEK_CAPTURE": "./no-such.pcap", "COMPOSE_PROFILES": "capture"}, []string{"zeek"}, "no-such.pcap"},
		{"no capture", map[string]string{"ZEEK_CAPTURE": text, "COMPOSE_PROFILES": "capture"}, []string{"zeek", "--exit-code-from", "zeek"}, "capture.pcap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, test.env)
			out, err := p.run(time.Minute, append([]string{"up"}, test.up...)...)
			if err == nil || strings.Contains(err.Error(), "not done within") || !strings.Contains(out, test.says) {
				t.Errorf("%v, want it to say %q\n%s", err, test.says, out)
			}
		})
	}
}

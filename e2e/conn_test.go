package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// conn.log has labels of its own, beside those of packets.
func TestConn(t *testing.T) {
	requireEngine(t)
	capture := filepath.Join(t.TempDir(), "lab.pcap")
	unpack(t, filepath.Join("..", "testdata", "captures", "lab.pcap.zst"), capture)
	p := newProject(t, map[string]string{"ZEEK_CAPTURE": capture, "COMPOSE_PROFILES": "capture,conn"})
	p.must(startLimit, "up", "--detach", "--wait", "serveflow-conn", "ship-conn")
	p.must(startLimit, "up", "--detach", "--no-deps", "zeek")
	conns := filepath.Join("..", "testdata", "records", "lab-conn.jsonl.zst")
	plain := filepath.Join(t.TempDir(), "conn.log")
	unpack(t, conns, plain)
	text, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, c := range text {
		if c == '\n' {
			want++
		}
	}
	labels := func() int { return len(kafkatest.ReadAll(t, p.kafkaAddr(), "serveflow.labels.service-conn")) }
	await.Within(t, 3*time.Minute, "a label for each connection", func() bool { return labels() >= want }, func() any { return labels() })
	if n := labels(); n != want {
		t.Errorf("%d labels, %d connections", n, want)
	}
	if dead := kafkatest.ReadAll(t, p.kafkaAddr(), "zeek.conn.dlq"); len(dead) != 0 {
		t.Errorf("%d dead letters, the first: %s", len(dead), dead[0].Value)
	}
}

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// A member that finds a topic full of old records labels them as replay does: its slow
// stage has room for one flow, and holds the input back.
func TestBacklogIsNotDegraded(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, packetsTopic, labelsTopic), kfake.SeedTopics(1, packetsTopic+".dlq"))
	file := filepath.Join("testdata", "records", "lab.jsonl.zst")
	want := replayedLabels(t, file)
	w := &kafka.Writer{Addr: kafka.TCP(addr), Transport: transport(t), Topic: packetsTopic, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	var old []kafka.Message
	for _, line := range recordLines(t, file) {
		old = append(old, kafka.Message{Key: uidOf.FindSubmatch(line)[1], Value: line, Time: time.Now().Add(-time.Hour)})
	}
	if err := w.WriteMessages(t.Context(), old...); err != nil {
		t.Fatal(err)
	}
	stop := startHere(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": "", "SERVEFLOW_SLOW_QUEUE": "1"})
	await.Until(t, "every label", func() bool { return len(labelled(t, addr)) >= len(want) })
	stop()
	sameAsReplayed(t, want, labelled(t, addr))
}

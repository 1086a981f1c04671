package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// labelRecord is what serveflow labels reads of a label record.
func labelRecord(uid, label, reason string) string {
	return `{"schema":"serveflow.label/1","uid":"` + uid + `","orig_h":"10.0.0.1","orig_p":1024,"resp_h":"10.0.0.2","resp_p":53,"proto":"udp","label":"` + label +
		`","confidence":0.9,"final":true,"stage":"first","reason":"` + reason + `","packets":1,"ts_first":1700000000.5,"wait_ms":0}`
}

// writeLabels writes messages to a label topic, one after the other, the first to partition 0,
// the next to 1. They are there when it returns.
func writeLabels(t *testing.T, addr string, values ...string) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: labelsTopic, Balancer: &kafka.RoundRobin{}, BatchSize: 1, RequiredAcks: kafka.RequireAll, Transport: transport}
	defer w.Close()
	for _, value := range values {
		if err := w.WriteMessages(context.Background(), kafka.Message{Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLabelsShowsATopic(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, labelsTopic))
	writeLabels(t, addr, labelRecord("Ca", "dns", "confident"), "no label", labelRecord("Cb", "http", "timeout"), labelRecord("Cc", "dns", "timeout"))
	env := map[string]string{"SERVEFLOW_BROKERS": addr}

	code, stdout, stderr := runCommand(t, env, "", "labels", "--from", "beginning", "--count", "3")
	shown := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitOK || len(shown) != 4 || !strings.HasPrefix(shown[0], "FIRST PACKET (UTC)") || !strings.Contains(shown[2], "10.0.0.2:53            udp  http ") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	for _, want := range []string{"labels of task service in topic serveflow.labels.service, from the beginning", "serveflow.labels.service/0, offset 1: not a label record"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q does not say %q", stderr, want)
		}
	}
	code, stdout, _ = runCommand(t, env, "", "labels", "--from", "beginning", "--count", "1", "--json", "--label", "dns", "--reason", "timeout")
	if code != exitOK || stdout != labelRecord("Cc", "dns", "timeout")+"\n" {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

// From the end, only what is written from then on is shown, of each partition.
func TestLabelsFromTheEnd(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, labelsTopic))
	kinds := []string{"dns", "http", "ntp"} // by partition
	write := func(uid string) {
		writeLabels(t, addr, labelRecord(uid, kinds[0], "confident"), labelRecord(uid, kinds[1], "confident"), labelRecord(uid, kinds[2], "confident"))
	}
	write("old")
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan struct{})
	go func() { // it cannot know when the command listens: it writes until it has ended
		defer close(written)
		for ctx.Err() == nil {
			write("new")
		}
	}()
	for _, kind := range kinds {
		code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr}, "", "labels", "--json", "--label", kind, "--count", "3")
		if code != exitOK || strings.Count(stdout, `"uid":"new"`) != 3 || strings.Contains(stdout, "old") || !strings.Contains(stderr, "written from now on (--from beginning shows all)") {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	stop()
	<-written
}

func TestLabelsEndsWell(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, labelsTopic))
	for name, after := range map[string]time.Duration{"while it looks for the topic": 0, "while it reads": 500 * time.Millisecond} {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(after, stop)
		code, _, stderr := runCommandIn(ctx, t, map[string]string{"SERVEFLOW_BROKERS": addr}, "", "labels")
		if code != exitOK || strings.Contains(stderr, "serveflow labels:") {
			t.Errorf("told to stop %s: exit code %d, %s", name, code, stderr)
		}
	}
}

func TestLabelsWithoutItsTopic(t *testing.T) {
	addr, _ := kafkatest.Fake(t)
	code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_START_TIMEOUT": "1s"}, "", "labels", "--task", "device")
	if code != exitFail || !strings.Contains(stderr, "topic serveflow.labels.device is missing: create it, or name another by SERVEFLOW_LABEL_TOPIC") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

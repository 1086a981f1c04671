package kafkatest

import (
	"context"
	"iter"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// produce writes messages and returns when the broker has acknowledged all of them.
func produce(t testing.TB, addr, topic string, codec kafka.Compression, messages iter.Seq[kafka.Message]) {
	t.Helper()
	transport := &kafka.Transport{MetadataTTL: 500 * time.Millisecond} // leaders move
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: topic, Transport: transport, Compression: codec,
		Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, BatchSize: 1000,
	}
	if err := w.WriteMessages(t.Context(), slices.Collect(messages)...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func one(value string) iter.Seq[kafka.Message] {
	return slices.Values([]kafka.Message{{Value: []byte(value)}})
}

func values(messages []kafka.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Value))
	}
	return strings.Join(all, " ")
}

func TestBrokerKeepsItsDataOverRestarts(t *testing.T) {
	b := Start(t)
	addr := b.Addr
	CreateTopic(t, addr, "kept", 1, nil)
	produce(t, addr, "kept", 0, one("first"))

	b.Kill()
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("a killed broker takes connections")
	}
	b.Restart()
	if b.Addr != addr {
		t.Errorf("address %s after the restart, %s before", b.Addr, addr)
	}
	produce(t, addr, "kept", 0, one("second"))

	b.Restart() // of a running broker: a shutdown in good order
	produce(t, addr, "kept", 0, one("third"))
	if got := values(ReadAll(t, addr, "kept")); got != "first second third" {
		t.Errorf("the topic holds %q after a kill and a restart", got)
	}

	b.Stop()
	b.Stop() // stopping twice, or killing what is down, does nothing
	b.Kill()
}

func TestPausedBrokerAnswersAfterResume(t *testing.T) {
	b := Start(t)
	CreateTopic(t, b.Addr, "paused", 1, nil)
	b.Pause()
	answer := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		answer <- withClient(b.Addr, func(_ context.Context, c *kafka.Client) error {
			c.Timeout = time.Minute
			_, err := c.Metadata(ctx, &kafka.MetadataRequest{})
			return err
		})
	}()
	select {
	case err := <-answer:
		t.Errorf("a paused broker answered, error %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	b.Resume()
	if err := <-answer; err != nil {
		t.Errorf("after Resume: %v", err)
	}
	produce(t, b.Addr, "paused", 0, one("after"))

	b.Pause()
	b.Kill() // a paused broker can be killed
	if err := b.process.Signal(syscall.SIGCONT); err == nil {
		t.Error("a dead broker takes a signal")
	}
}

func TestFakeKeepsItsDataInADataDir(t *testing.T) {
	dir := t.TempDir()
	addr, cluster := Fake(t, kfake.DataDir(dir), kfake.SeedTopics(1, "kept"))
	produce(t, addr, "kept", 0, one("first"))
	cluster.Close()

	addr, _ = Fake(t, kfake.DataDir(dir))
	if got := values(ReadAll(t, addr, "kept")); got != "first" {
		t.Errorf("the topic holds %q after a restart, want %q", got, "first")
	}
}

package brokers

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// The connection to a leader is one that can be asked at once.
func TestDialLeader(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	c := Plain("test", "127.0.0.1:1", addr) // the first is down
	raw, err := c.DialLeader(t.Context(), "in", 1)
	if err != nil {
		t.Fatal(err)
	}
	conn := kafka.NewConnWith(raw, kafka.ConnConfig{ClientID: c.ClientID(), Topic: "in", Partition: 1})
	defer conn.Close()
	if first, end, err := conn.ReadOffsets(); err != nil || first != 0 || end != 0 {
		t.Errorf("offsets %d to %d, %v", first, end, err)
	}
	if _, err := c.DialLeader(t.Context(), "in", 7); !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("a partition that is not there: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	_, err := Plain("test", "127.0.0.1:1").DialLeader(t.Context(), "in", 0)
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

package partition

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// sendAt writes records with the times at which they were written, one after the
// other, so that each is a batch of its own.
func sendAt(t *testing.T, addr string, at ...time.Time) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "in", BatchTimeout: time.Millisecond, BatchSize: 1, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	for i, when := range at {
		if err := w.WriteMessages(context.Background(), kafka.Message{Value: fmt.Append(nil, i), Time: when}); err != nil {
			t.Fatal(err)
		}
	}
}

// What is read back is bounded by when it was written, as the memory of finished
// flows is; a producer's wild time does not make it less.
func TestReadBackIsBoundedByTime(t *testing.T) {
	starts := map[string]func(*testing.T) string{
		"kafka": func(t *testing.T) string {
			addr := kafkatest.Start(t).Addr
			kafkatest.CreateTopic(t, addr, "in", 1, map[string]string{"message.timestamp.after.max.ms": "9223372036854775807"})
			return addr
		},
		"kfake": func(t *testing.T) string {
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
			return addr
		},
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			addr := start(t)
			now := time.Now()
			sendAt(t, addr, now.Add(-time.Hour), now.Add(-5*time.Minute), now.Add(-4*time.Minute), now.AddDate(1, 0, 0))
			client, done := brokers.Plain("test", addr).Client()
			defer done()
			for low, want := range map[int64]int64{3: 1, 2: 1, 1: 0, 4: 1} {
				if got, err := writtenSince(t.Context(), client, "in", 0, low, 6*time.Minute); err != nil || got != want {
					t.Errorf("below %d it begins at %d, want %d: %v", low, got, want, err)
				}
			}
		})
	}
}

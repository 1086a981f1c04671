package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// sendAt writes records with the times at which they were written, one after the
// other, so that each is a batch of its own.
func sendAt(t *testing.T, addr string, at ...time.Time) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "in", BatchTimeout: time.Millisecond, BatchSize: 1, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	for i, when := range at {
		if err := w.WriteMessages(context.Background(), kafka.Message{Value: line("a", i+1, 0), Time: when}); err != nil {
			t.Fatal(err)
		}
	}
}

// What is read back is bounded by when it was written, as the memory of finished
// flows is; a producer's wild time does not make it less.
func TestReadBackIsBoundedByTime(t *testing.T) {
	brokers := map[string]func(*testing.T) string{
		"kafka": func(t *testing.T) string {
			addr := kafkatest.Start(t).Addr
			kafkatest.CreateTopic(t, addr, "in", 1, map[string]string{"message.timestamp.after.max.ms": "9223372036854775807"})
			return addr
		},
		"kfake": fake,
	}
	for name, start := range brokers {
		t.Run(name, func(t *testing.T) {
			addr := start(t)
			now := time.Now()
			sendAt(t, addr, now.Add(-time.Hour), now.Add(-5*time.Minute), now.Add(-4*time.Minute), now.AddDate(1, 0, 0))
			cfg := config(addr)
			client, done := cfg.Cluster.Client()
			defer done()
			at := offsets{client, "g", "in", done}
			for low, want := range map[int64]int64{3: 1, 2: 1, 1: 0, 4: 1} {
				if got, err := at.since(t.Context(), 0, low, 6*time.Minute); err != nil || got != want {
					t.Errorf("below %d it begins at %d, want %d: %v", low, got, want, err)
				}
			}
		})
	}
}

package sink

import (
	"context"
	"testing"

	"github.com/serveflow/serveflow/sink/producer"
)

// discard takes messages and acknowledges them.
type discard struct{}

func (discard) Send(_ context.Context, m producer.Message) {
	if m.Acker != nil {
		m.Acker.Ack()
	}
}

// BenchmarkLabel measures a label from its verdict to the producer's queue: the record alone,
// and the record with its message.
func BenchmarkLabel(b *testing.B) {
	b.Run("record", func(b *testing.B) {
		v, buf := verdict(), []byte(nil)
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendLabel(buf[:0], &v)
		}
	})
	b.Run("message", func(b *testing.B) {
		v, labels, ctx := verdict(), &Labels{Sender: discard{}, Topic: "labels"}, b.Context()
		v.Acker = &ack{}
		b.ReportAllocs()
		for b.Loop() {
			labels.Put(ctx, &v)
		}
	})
}

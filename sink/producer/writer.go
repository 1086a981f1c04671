package producer

import (
	"context"

	"github.com/segmentio/kafka-go"
)

// writer writes the messages of one topic, one batch at a time.
type writer struct{ kafka *kafka.Writer }

// newWriter builds a writer. A message goes to the partition that the Java clients choose for its key.
func (p *Producer) newWriter() *writer {
	return &writer{&kafka.Writer{
		Addr: p.addr, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		MaxAttempts: 1, BatchBytes: messageBytes, BatchTimeout: linger,
		WriteTimeout: writeTimeout, ReadTimeout: writeTimeout, Compression: kafka.Lz4,
		Transport: p.through,
	}}
}

// WriteMessages writes a batch. At each write kafka-go makes room for BatchSize messages in each partition, 150 bytes a
// message, and clears it. Where that was always the largest batch, live labels, which come by the dozen, took half as much CPU again.
func (w *writer) WriteMessages(ctx context.Context, batch ...kafka.Message) error {
	w.kafka.BatchSize = len(batch)
	return w.kafka.WriteMessages(ctx, batch...)
}

package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// The time of a batch's newest record is known once the batch is opened.
func TestNewest(t *testing.T) {
	var log []byte
	for i, at := range []int64{1_700_000_000_123, 1_700_000_005_000} {
		batch := kafkatest.Batch{Base: int64(i), Codec: compress.None, Values: values("a")}.Bytes()
		binary.BigEndian.PutUint64(batch[35:], uint64(at)) // maxTimestamp
		kafkatest.Seal(batch)
		log = append(log, batch...)
	}
	q := &Request{Version: New, Correlation: 7, Topic: "in", Partition: 3}
	r := NewReader(limits, NewMemory())
	r.Reset(bytes.NewReader(answer(q, 1000, log)))
	if _, err := r.Begin(q); err != nil || r.Newest() != 0 {
		t.Fatalf("before the first batch: %d, %v", r.Newest(), err)
	}
	var rec Record
	for _, want := range []int64{1_700_000_000_123, 1_700_000_005_000} {
		if err := r.Next(context.Background(), &rec); err != nil || r.Newest() != want {
			t.Errorf("record %d: %d, want %d: %v", rec.Offset, r.Newest(), want, err)
		}
	}
}

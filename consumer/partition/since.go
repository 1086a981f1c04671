package partition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// writtenSince gives the offset of the first record of a partition that was written no
// more than age before the record below low; low where there is none.
func writtenSince(ctx context.Context, client *kafka.Client, topic string, partition int, low int64, age time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	written, err := writtenAt(ctx, client, topic, partition, low-1)
	if err != nil {
		return 0, fmt.Errorf("consumer: ask when offset %d of %s/%d was written: %w", low-1, topic, partition, err)
	}
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.TimeOffsetOf(partition, written.Add(-age))}}})
	if err != nil {
		return 0, fmt.Errorf("consumer: look up an offset of %s/%d by time: %w", topic, partition, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return 0, fmt.Errorf("consumer: look up an offset of %s/%d by time: %w", topic, partition, p.Error)
		}
		for offset := range p.Offsets {
			if offset >= 0 {
				return min(offset, low), nil
			}
		}
	}
	return low, nil
}

// writtenAt is when the first record from an offset on was written, and no later than
// now, whatever its producer says.
func writtenAt(ctx context.Context, client *kafka.Client, topic string, partition int, offset int64) (time.Time, error) {
	now := time.Now()
	res, err := client.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: partition, Offset: offset,
		MinBytes: 1, MaxBytes: 1, MaxWait: time.Second}) // a whole batch comes in any case
	if err == nil {
		err = res.Error
	}
	for err == nil {
		var r *kafka.Record
		if r, err = res.Records.ReadRecord(); err == nil && r.Offset >= offset {
			if r.Time.Before(now) {
				now = r.Time
			}
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return now, err
}

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// ReadAll returns every record that the topic holds now, sorted by partition and then by
// offset. Each message has Topic, Partition, Offset, Key, Value, Headers and Time. Any
// error fails the test.
func ReadAll(t testing.TB, addr, topic string) []kafka.Message {
	t.Helper()
	var all []kafka.Message
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		var partitions []kafka.PartitionOffsets
		err := retry(ctx, func() (err error) {
			partitions, err = offsets(ctx, client, topic)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range partitions {
			some, err := readPartition(ctx, client, topic, p)
			if err != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			}
			all = append(all, some...)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("kafkatest: read topic %s: %v", topic, err)
	}
	return all
}

func readPartition(ctx context.Context, client *kafka.Client, topic string, p kafka.PartitionOffsets) ([]kafka.Message, error) {
	next, end := p.FirstOffset, p.LastOffset
	var messages []kafka.Message
	for next < end {
		some, err := fetch(ctx, client, topic, p.Partition, next)
		if err != nil {
			return nil, fmt.Errorf("fetch from offset %d, end %d: %w", next, end, err)
		}
		for _, m := range some {
			// A broker sends whole batches: they may hold records before the offset that
			// was asked for, and records that were written after end was read.
			if m.Offset >= next && m.Offset < end {
				messages = append(messages, m)
			}
			next = max(next, m.Offset+1)
		}
	}
	return messages, nil
}

func fetch(ctx context.Context, client *kafka.Client, topic string, partition int, offset int64) ([]kafka.Message, error) {
	res, err := client.Fetch(ctx, &kafka.FetchRequest{
		Topic: topic, Partition: partition, Offset: offset,
		MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 500 * time.Millisecond,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, err
	}
	var messages []kafka.Message
	for {
		record, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return nil, err
		}
		m, err := message(record)
		if err != nil {
			return nil, err
		}
		m.Topic, m.Partition = topic, partition
		messages = append(messages, m)
	}
}

func message(r *kafka.Record) (kafka.Message, error) {
	key, err := kafka.ReadAll(r.Key)
	if err != nil {
		return kafka.Message{}, err
	}
	value, err := kafka.ReadAll(r.Value)
	return kafka.Message{Offset: r.Offset, Key: key, Value: value, Headers: r.Headers, Time: r.Time}, err
}

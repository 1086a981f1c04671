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

// ReadAll gives every record that the topic holds now, by partition and then by
// offset. Of each message Topic, Partition, Offset, Key, Value, Headers and
// Time are set. Any error fails the test.
func ReadAll(t testing.TB, addr, topic string) []kafka.Message {
	t.Helper()
	var all []kafka.Message
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		meta, err := topicMetadata(ctx, client, topic)
		if err != nil {
			return err
		}
		for partition := range meta.Partitions {
			some, err := readPartition(ctx, client, topic, partition)
			if err != nil {
				return fmt.Errorf("partition %d: %w", partition, err)
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

func readPartition(ctx context.Context, client *kafka.Client, topic string, partition int) ([]kafka.Message, error) {
	next, end, err := bounds(ctx, client, topic, partition)
	if err != nil {
		return nil, err
	}
	var messages []kafka.Message
	for next < end {
		some, err := fetch(ctx, client, topic, partition, next)
		if err != nil {
			return nil, fmt.Errorf("fetch from offset %d, end %d: %w", next, end, err)
		}
		for _, m := range some {
			// A batch comes whole, with records before the offset asked for, and
			// may hold records that were written after end was asked for.
			if m.Offset >= next && m.Offset < end {
				messages = append(messages, m)
			}
			next = max(next, m.Offset+1)
		}
	}
	return messages, nil
}

// bounds gives the offsets of a partition's first record and of its next one.
func bounds(ctx context.Context, client *kafka.Client, topic string, partition int) (first, end int64, err error) {
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
	}})
	if err != nil {
		return 0, 0, err
	}
	if len(res.Topics[topic]) != 1 {
		return 0, 0, fmt.Errorf("list offsets: %d partitions in the answer to one", len(res.Topics[topic]))
	}
	p := res.Topics[topic][0]
	return p.FirstOffset, p.LastOffset, p.Error
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

package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// The helpers give the same results for a real broker and for the in-process one.
func TestHelpers(t *testing.T) {
	brokers := map[string]func(testing.TB) string{
		"kafka": func(t testing.TB) string { return Start(t).Addr },
		"kfake": func(t testing.TB) string { addr, _ := Fake(t); return addr },
	}
	for name, start := range brokers {
		t.Run(name, func(t *testing.T) {
			addr := start(t)
			t.Run("no topic by itself", func(t *testing.T) { testNoTopicByItself(t, addr) })
			t.Run("ReadAll", func(t *testing.T) { testReadAll(t, addr) })
			t.Run("ReadAll of nothing", func(t *testing.T) { testReadNothing(t, addr) })
			t.Run("ReadAll past one fetch", func(t *testing.T) { testReadMuch(t, addr) })
			t.Run("CommittedOffsets", func(t *testing.T) { testCommittedOffsets(t, addr) })
		})
	}
}

func testNoTopicByItself(t *testing.T, addr string) {
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		_, err := topicMetadata(ctx, client, "typo")
		return err
	})
	if !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("metadata of a topic that nobody created: %v, want %v", err, kafka.UnknownTopicOrPartition)
	}
}

func testReadAll(t *testing.T, addr string) {
	CreateTopic(t, addr, "read", 3, map[string]string{"retention.ms": "3600000"})
	sent := map[string]kafka.Message{}
	for i := range 300 {
		key := fmt.Sprintf("key-%d", i)
		sent[key] = kafka.Message{
			Key:     []byte(key),
			Value:   fmt.Appendf(nil, "value-%d", i),
			Headers: []kafka.Header{{Key: "place", Value: fmt.Appendf(nil, "%d", i)}},
			Time:    time.UnixMilli(1_700_000_000_000 + int64(i)),
		}
	}
	for _, codec := range []kafka.Compression{0, kafka.Lz4} {
		produce(t, addr, "read", codec, maps.Values(sent))
	}

	got := ReadAll(t, addr, "read")
	if len(got) != 2*len(sent) {
		t.Fatalf("%d records read, %d sent", len(got), 2*len(sent))
	}
	partitions, next := 0, int64(0)
	for i, m := range got {
		if i > 0 && m.Partition != got[i-1].Partition {
			next = 0
		}
		if next == 0 {
			partitions++
		}
		if m.Offset != next {
			t.Fatalf("record %d: partition %d offset %d, want offset %d", i, m.Partition, m.Offset, next)
		}
		next++
		want := sent[string(m.Key)]
		if !bytes.Equal(m.Value, want.Value) || !m.Time.Equal(want.Time) || m.Topic != "read" ||
			len(m.Headers) != 1 || m.Headers[0].Key != "place" || !bytes.Equal(m.Headers[0].Value, want.Headers[0].Value) {
			t.Fatalf("record %d: got %+v, want %+v", i, m, want)
		}
	}
	if partitions != 3 {
		t.Errorf("records from %d partitions, want 3", partitions)
	}
}

func testReadNothing(t *testing.T, addr string) {
	CreateTopic(t, addr, "empty", 2, nil)
	if got := ReadAll(t, addr, "empty"); len(got) != 0 {
		t.Errorf("an empty topic has %d records", len(got))
	}
}

// A fetch ends in the middle of a batch when the partition holds more than it may carry.
func testReadMuch(t *testing.T, addr string) {
	CreateTopic(t, addr, "much", 1, nil)
	random := rand.NewChaCha8([32]byte{})
	var messages []kafka.Message
	for range 20_000 {
		value := make([]byte, 1000)
		_, _ = random.Read(value) // never fails
		messages = append(messages, kafka.Message{Value: value})
	}
	produce(t, addr, "much", 0, slices.Values(messages))
	got := ReadAll(t, addr, "much")
	if len(got) != len(messages) {
		t.Fatalf("%d records read, %d sent", len(got), len(messages))
	}
	for i, m := range got {
		if m.Offset != int64(i) || !bytes.Equal(m.Value, messages[i].Value) {
			t.Fatalf("record %d has offset %d or another value", i, m.Offset)
		}
	}
}

func testCommittedOffsets(t *testing.T, addr string) {
	CreateTopic(t, addr, "committed", 3, nil)
	if got := CommittedOffsets(t, addr, "nobody", "committed"); len(got) != 0 {
		t.Errorf("a group that never committed has offsets %v", got)
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "group", Brokers: []string{addr}, Topics: []string{"committed"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	generation, err := group.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]int64{0: 7, 2: 0}
	if err := generation.CommitOffsets(map[string]map[int]int64{"committed": want}); err != nil {
		t.Fatal(err)
	}
	if got := CommittedOffsets(t, addr, "group", "committed"); !maps.Equal(got, want) {
		t.Errorf("committed offsets %v, want %v", got, want)
	}
}

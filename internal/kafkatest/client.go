package kafkatest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// requestTimeout is how long a helper retries before it fails the test: after a start or
// a restart a broker answers some requests later than others.
const requestTimeout = 30 * time.Second

// CreateTopic creates a topic with one replica on the broker at addr, and waits until
// every partition can be written. configs holds topic settings such as "retention.ms";
// it may be nil. Any error fails the test.
func CreateTopic(t testing.TB, addr, topic string, partitions int, configs map[string]string) {
	t.Helper()
	createTopic(t, addr, topic, partitions, 1, configs)
}

func createTopic(t testing.TB, addr, topic string, partitions, replicas int, configs map[string]string) {
	t.Helper()
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: replicas}
	for name, value := range configs {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
		if err == nil {
			err = res.Errors[topic]
		}
		if err != nil {
			return err
		}
		return retry(ctx, func() error {
			_, err := offsets(ctx, client, topic)
			return err
		})
	})
	if err != nil {
		t.Fatalf("kafkatest: create topic %s: %v", topic, err)
	}
}

// AddPartitions raises the number of a topic's partitions to partitions, and waits until
// every one can be written. Any error fails the test.
func AddPartitions(t testing.TB, addr, topic string, partitions int) {
	t.Helper()
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		return retry(ctx, func() error {
			there, err := offsets(ctx, client, topic)
			if err != nil || len(there) == partitions {
				return err
			}
			// This runs again where the broker that was asked is gone.
			res, err := client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
				Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: int32(partitions)}}})
			if err == nil {
				err = res.Errors[topic]
			}
			return cmp.Or(err, fmt.Errorf("%d of %d partitions were there", len(there), partitions))
		})
	})
	if err != nil {
		t.Fatalf("kafkatest: add partitions to %s: %v", topic, err)
	}
}

// CommittedOffsets returns the offsets that a consumer group has committed, by
// partition; it has no entry for a partition without one. Any error fails the test.
func CommittedOffsets(t testing.TB, addr, group, topic string) map[int]int64 {
	t.Helper()
	committed := make(map[int]int64)
	err := withClient(addr, func(ctx context.Context, client *kafka.Client) error {
		meta, err := topicMetadata(ctx, client, topic)
		if err != nil {
			return err
		}
		req := &kafka.OffsetFetchRequest{GroupID: group, Topics: make(map[string][]int)}
		for _, p := range meta.Partitions {
			req.Topics[topic] = append(req.Topics[topic], p.ID)
		}
		return retry(ctx, func() error { return fetchOffsets(ctx, client, req, committed) })
	})
	if err != nil {
		t.Fatalf("kafkatest: committed offsets of group %s, topic %s: %v", group, topic, err)
	}
	return committed
}

func fetchOffsets(ctx context.Context, client *kafka.Client, req *kafka.OffsetFetchRequest, into map[int]int64) error {
	res, err := client.OffsetFetch(ctx, req)
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) {
		return nil // kfake's answer for a group that it does not know; Kafka's has no offsets
	}
	if err != nil {
		return err
	}
	for _, partitions := range res.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return p.Error
			}
			if p.CommittedOffset >= 0 {
				into[p.Partition] = p.CommittedOffset
			}
		}
	}
	return nil
}

// withClient calls do with a new client, so that no cached metadata of an earlier
// broker is used, and closes the client's connections.
func withClient(addr string, do func(context.Context, *kafka.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	client, done := newClient(addr)
	defer done()
	return do(ctx, client)
}

func newClient(addr string) (client *kafka.Client, done func()) {
	// The transport answers metadata from a cache, which is up to 6 s old by default.
	transport := &kafka.Transport{DialTimeout: 5 * time.Second, MetadataTTL: 500 * time.Millisecond}
	client = &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: 10 * time.Second}
	return client, transport.CloseIdleConnections
}

// topicMetadata describes a topic.
func topicMetadata(ctx context.Context, client *kafka.Client, topic string) (kafka.Topic, error) {
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return kafka.Topic{}, err
	}
	if len(meta.Topics) != 1 {
		return kafka.Topic{}, fmt.Errorf("asked for one topic, the broker described %d", len(meta.Topics))
	}
	return meta.Topics[0], meta.Topics[0].Error
}

// offsets returns the first and the next offset of each of a topic's partitions, in
// order of the partitions. It returns an error if a partition cannot serve yet: metadata
// names a leader a moment before that broker acts as one, so the leader must be asked.
func offsets(ctx context.Context, client *kafka.Client, topic string) ([]kafka.PartitionOffsets, error) {
	meta, err := topicMetadata(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	req := &kafka.ListOffsetsRequest{Topics: make(map[string][]kafka.OffsetRequest)}
	for _, p := range meta.Partitions {
		req.Topics[topic] = append(req.Topics[topic], kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
	}
	res, err := client.ListOffsets(ctx, req)
	if err != nil {
		return nil, err
	}
	partitions := res.Topics[topic]
	if len(partitions) == 0 || len(partitions) != len(meta.Partitions) {
		return nil, fmt.Errorf("offsets of %d partitions, %s has %d", len(partitions), topic, len(meta.Partitions))
	}
	for _, p := range partitions {
		if p.Error != nil {
			return nil, fmt.Errorf("%s/%d: %w", topic, p.Partition, p.Error)
		}
	}
	slices.SortFunc(partitions, func(a, b kafka.PartitionOffsets) int { return a.Partition - b.Partition })
	return partitions, nil
}

// retry calls do until it succeeds or ctx ends. It returns do's last error.
func retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

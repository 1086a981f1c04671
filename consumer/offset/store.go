package offset

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Store reads and writes a group's checkpoints in a topic. kafka-go's own generations
// commit offsets without metadata.
type Store struct {
	client *kafka.Client
	group  string
	topic  string
	// closeIdle closes the client's idle connections.
	closeIdle func()
}

// NewStore builds a store. closeIdle closes the client's idle connections.
func NewStore(client *kafka.Client, closeIdle func(), group, topic string) *Store {
	return &Store{client: client, group: group, topic: topic, closeIdle: closeIdle}
}

// renew drops the connections where one of them failed: the network that broke it
// broke the others, and each would fail a request of its own.
func (s *Store) renew(err error) {
	var answer kafka.Error
	if err != nil && !errors.As(err, &answer) {
		s.closeIdle()
	}
}

// Read gives what is committed for a partition; Low is -1 where nothing is.
func (s *Store) Read(ctx context.Context, partition int) (Checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := s.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: s.group, Topics: map[string][]int{s.topic: {partition}}})
	s.renew(err)
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("consumer: read the offset of %s/%d: %w", s.topic, partition, err)
	}
	switch found := res.Topics[s.topic]; {
	case len(found) == 0:
		return Checkpoint{Low: -1}, nil
	case found[0].Error != nil:
		return Checkpoint{}, fmt.Errorf("consumer: read the offset of %s/%d: %w", s.topic, partition, found[0].Error)
	default:
		return Checkpoint{found[0].CommittedOffset, found[0].Metadata}, nil
	}
}

// Commit commits checkpoints, by partition, as a member of a generation. A broker whose
// limit on metadata is lower than Kafka's default gets them without metadata.
func (s *Store) Commit(ctx context.Context, gen *kafka.Generation, at map[int]Checkpoint) error {
	err := s.commit(ctx, gen, at, true)
	if errors.Is(err, kafka.OffsetMetadataTooLarge) {
		err = s.commit(ctx, gen, at, false)
	}
	return err
}

func (s *Store) commit(ctx context.Context, gen *kafka.Generation, at map[int]Checkpoint, metadata bool) error {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	req := &kafka.OffsetCommitRequest{GroupID: s.group, GenerationID: int(gen.ID), MemberID: gen.MemberID, Topics: map[string][]kafka.OffsetCommit{}}
	for partition, checkpoint := range at {
		c := kafka.OffsetCommit{Partition: partition, Offset: checkpoint.Low}
		if metadata {
			c.Metadata = checkpoint.Metadata
		}
		req.Topics[s.topic] = append(req.Topics[s.topic], c)
	}
	res, err := s.client.OffsetCommit(ctx, req)
	s.renew(err)
	if err != nil {
		return err
	}
	for _, p := range res.Topics[s.topic] {
		if p.Error != nil {
			return fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
	}
	return nil
}

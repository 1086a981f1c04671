package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// offsets reads and commits a group's places in a topic. kafka-go's own generations
// do so without the notes.
type offsets struct {
	client *kafka.Client
	group  string
	topic  string
}

// read gives what is committed for a partition; low is -1 where nothing is.
func (o offsets) read(ctx context.Context, partition int) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := o.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: o.group, Topics: map[string][]int{o.topic: {partition}}})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return place{}, fmt.Errorf("consumer: read the offset of %s/%d: %w", o.topic, partition, err)
	}
	for _, p := range res.Topics[o.topic] {
		if p.Error != nil {
			return place{}, fmt.Errorf("consumer: read the offset of %s/%d: %w", o.topic, partition, p.Error)
		}
		return place{p.CommittedOffset, p.Metadata}, nil
	}
	return place{low: -1}, nil
}

// commit commits places as a member of a generation. A broker whose limit on
// metadata is lower than Kafka's default gets them without notes.
func (o offsets) commit(gen *kafka.Generation, places map[int]place) error {
	err := o.try(gen, places, true)
	if errors.Is(err, kafka.OffsetMetadataTooLarge) {
		err = o.try(gen, places, false)
	}
	return err
}

func (o offsets) try(gen *kafka.Generation, places map[int]place, notes bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), brokers.Timeout)
	defer cancel()
	req := &kafka.OffsetCommitRequest{GroupID: o.group, GenerationID: int(gen.ID), MemberID: gen.MemberID, Topics: map[string][]kafka.OffsetCommit{}}
	for partition, at := range places {
		c := kafka.OffsetCommit{Partition: partition, Offset: at.low}
		if notes {
			c.Metadata = at.note
		}
		req.Topics[o.topic] = append(req.Topics[o.topic], c)
	}
	res, err := o.client.OffsetCommit(ctx, req)
	if err != nil {
		return err
	}
	for _, p := range res.Topics[o.topic] {
		if p.Error != nil {
			return fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
	}
	return nil
}

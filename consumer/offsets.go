package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// offsets reads and commits a group's places in a topic. kafka-go's own generations
// do so without the notes.
type offsets struct {
	client *kafka.Client
	group  string
	topic  string
	// drop closes the client's idle connections.
	drop func()
}

// renew drops the connections where one of them failed: the network that broke it
// broke the others, and each would fail a request of its own.
func (o offsets) renew(err error) {
	var answer kafka.Error
	if err != nil && !errors.As(err, &answer) {
		o.drop()
	}
}

// read gives what is committed for a partition; low is -1 where nothing is.
func (o offsets) read(ctx context.Context, partition int) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := o.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: o.group, Topics: map[string][]int{o.topic: {partition}}})
	o.renew(err)
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

// since gives the offset of the first record of a partition that was written no more
// than age before the one below low; low where there is none.
func (o offsets) since(ctx context.Context, partition int, low int64, age time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	written, err := o.written(ctx, partition, low-1)
	if err != nil {
		return 0, fmt.Errorf("consumer: ask when offset %d of %s/%d was written: %w", low-1, o.topic, partition, err)
	}
	res, err := o.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		o.topic: {kafka.TimeOffsetOf(partition, written.Add(-age))}}})
	if err != nil {
		return 0, fmt.Errorf("consumer: look up an offset of %s/%d by time: %w", o.topic, partition, err)
	}
	for _, p := range res.Topics[o.topic] {
		if p.Error != nil {
			return 0, fmt.Errorf("consumer: look up an offset of %s/%d by time: %w", o.topic, partition, p.Error)
		}
		for offset := range p.Offsets {
			if offset >= 0 {
				return min(offset, low), nil
			}
		}
	}
	return low, nil
}

// written is when the first record from an offset on was written, and no later than
// now, whatever its producer says.
func (o offsets) written(ctx context.Context, partition int, offset int64) (time.Time, error) {
	now := time.Now()
	res, err := o.client.Fetch(ctx, &kafka.FetchRequest{Topic: o.topic, Partition: partition, Offset: offset,
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
	o.renew(err)
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

// Package labels reads label topics back, for people who look at labels.
package labels

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Follower reads all partitions of a topic. It is in no consumer group and commits nothing.
type Follower struct {
	cluster   *brokers.Cluster
	topic     string
	beginning bool
	log       *slog.Logger
}

// NewFollower builds a follower that begins with the oldest message, or with those that
// come from now on.
func NewFollower(cluster *brokers.Cluster, topic string, beginning bool, log *slog.Logger) *Follower {
	return &Follower{cluster: cluster, topic: topic, beginning: beginning, log: log}
}

// Run gives take every message, one at a time and those of a partition in order, until ctx
// is done or take wants no more. Where a broker does not answer it tries again. The error
// is that of the first look at the topic.
func (f *Follower) Run(ctx context.Context, take func(kafka.Message) (more bool)) error {
	partitions, err := f.partitions(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var one sync.Mutex
	var readers sync.WaitGroup
	for _, id := range partitions {
		readers.Go(func() {
			f.read(ctx, id, func(m kafka.Message) {
				one.Lock()
				defer one.Unlock()
				if ctx.Err() == nil && !take(m) {
					stop()
				}
			})
		})
	}
	readers.Wait()
	return nil
}

func (f *Follower) partitions(ctx context.Context) (ids []int, err error) {
	client, done := f.cluster.Client()
	defer done()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{f.topic}})
	if err != nil {
		return nil, fmt.Errorf("look for topic %s: %w", f.topic, err)
	}
	for _, topic := range meta.Topics {
		if topic.Error != nil {
			return nil, fmt.Errorf("topic %s: %w", f.topic, topic.Error)
		}
		for _, p := range topic.Partitions {
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

func (f *Follower) read(ctx context.Context, partition int, take func(kafka.Message)) {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: f.cluster.Addrs(), Dialer: f.cluster.Dialer(), Topic: f.topic, Partition: partition,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 250 * time.Millisecond})
	defer r.Close()
	if !f.beginning {
		r.SetOffset(kafka.LastOffset) // the error is that of a closed reader
	}
	for {
		m, err := r.ReadMessage(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the reader goes on by itself
			f.log.Warn("cannot read labels, will try again", "topic", f.topic, "partition", partition, "err", err)
		default:
			take(m)
		}
	}
}

package pauses

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"
)

// linger is how long a record waits for others of its batch, which then has a few KB.
const linger = 4 * time.Millisecond

// most is how many records a batch has, at most.
const most = 5000

// arrival is when a flow's first record was on its way, microseconds since 1970.
type arrival struct {
	due, handed int64 // to the client
	there       int64 // in Kafka, by the broker's clock, which has milliseconds
}

// player writes a plan's records.
type player struct {
	of      *traffic
	client  *kafka.Client
	topic   string
	plan    [partitions][]send
	records int
	paced   bool // or as fast as possible
	began   time.Time
	flows   []arrival
}

// play writes all records, those of each partition in turn.
func (p *player) play(t *testing.T) {
	t.Helper()
	p.began = time.Now()
	all, ctx := errgroup.WithContext(t.Context())
	for partition := range p.plan {
		all.Go(func() error { return p.playPartition(ctx, partition) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (p *player) playPartition(ctx context.Context, partition int) error {
	for left := p.plan[partition]; len(left) > 0; {
		batch := left[:min(most, len(left))]
		if p.paced {
			time.Sleep(time.Until(p.began.Add(time.Duration(left[0].due)*time.Microsecond + linger)))
			now, n := time.Since(p.began).Microseconds(), 0
			for n < len(batch) && batch[n].due <= now {
				n++
			}
			batch = batch[:n]
		}
		if err := p.write(ctx, partition, batch); err != nil {
			return fmt.Errorf("write to %s, partition %d: %w", p.topic, partition, err)
		}
		left = left[len(batch):]
	}
	return nil
}

func (p *player) write(ctx context.Context, partition int, batch []send) error {
	began := p.began.UnixMicro()
	records := make([]kafka.Record, len(batch))
	for i, s := range batch {
		key, value := p.of.render(s, began)
		records[i] = kafka.Record{Key: kafka.NewBytes(key), Value: kafka.NewBytes(value)}
	}
	handed := time.Now().UnixMicro()
	res, err := p.client.Produce(ctx, &kafka.ProduceRequest{Topic: p.topic, Partition: partition, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(records...), Compression: kafka.Lz4})
	if err == nil {
		err = res.Error
	}
	if err == nil && res.LogAppendTime.IsZero() {
		err = errors.New("the broker does not say when; the topic needs message.timestamp.type=LogAppendTime")
	}
	if err != nil {
		return err
	}
	for _, s := range batch {
		if p.of.records[s.record].first {
			p.flows[s.flow] = arrival{due: began + s.due, handed: handed, there: res.LogAppendTime.UnixMicro()}
		}
	}
	return nil
}

package doctor

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// Bounds of what is kept in memory of one topic.
const (
	sampleBytes  = 64 << 20 // bytes of records
	fetchBytes   = 4 << 20
	fetchWait    = 500 * time.Millisecond
	newestLetter = 200 // records of the label and dead-letter topics that are looked at
)

// record is one of Kafka's, as it was read.
type record struct {
	partition  int
	offset     int64
	key, value []byte
	time       time.Time // the broker's or the producer's, by the topic's setting
	headers    []kafka.Header
}

// unread is a partition that could not be read, and why.
type unread struct {
	partition int
	err       error
}

// sample is what was read of the input topic.
type sample struct {
	records    []seen
	topic      *topic
	partitions int
	faults     []unread
	now        time.Time
}

// sample reads the newest records of the input topic, spread evenly.
func (cl *cluster) sample(ctx context.Context, t *topic) *sample {
	s := &sample{topic: t, now: time.Now()}
	if !t.ok() {
		return s
	}
	s.partitions = len(t.partitions)
	records, faults := cl.read(ctx, t, cl.cfg.Sample)
	s.faults = faults
	s.records = parse(records, cl.cfg.Needs.Conns)
	return s
}

// newest reads the last records of one of our other topics.
func (cl *cluster) newest(ctx context.Context, t *topic) []record {
	if !t.ok() {
		return nil
	}
	records, _ := cl.read(ctx, t, newestLetter)
	return records
}

// read gives the newest records of a topic, limit in all, in order within each
// partition. What cannot be read is told, and the rest is read all the same.
func (cl *cluster) read(ctx context.Context, t *topic, limit int) (all []record, faults []unread) {
	each := int64(max(1, limit/max(1, len(t.partitions))))
	budget := sampleBytes / max(1, len(t.partitions))
	for _, p := range t.partitions {
		if ctx.Err() != nil {
			return all, faults
		}
		err := p.err
		if err == nil && p.end > p.first {
			var some []record
			some, err = cl.readPartition(ctx, t.name, p, max(p.first, p.end-each), budget)
			all = append(all, some...)
		}
		if err != nil && ctx.Err() == nil {
			faults = append(faults, unread{p.id, err})
		}
	}
	return all, faults
}

// readPartition reads from an offset to the end that the partition had when it
// was asked, or until the bytes are spent.
func (cl *cluster) readPartition(ctx context.Context, name string, p partition, from int64, budget int) ([]record, error) {
	plain, err := cl.knocker.dial(ctx, cl.addrs[p.leader])
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { plain.Close() })()
	conn := kafka.NewConnWith(plain, kafka.ConnConfig{ClientID: cl.cfg.Cluster.ClientID(), Topic: name, Partition: p.id})
	defer conn.Close()
	var all []record
	for from < p.end && budget > 0 {
		some, next, err := fetch(conn, p, from, cl.knocker.timeout)
		for _, r := range some {
			budget -= len(r.key) + len(r.value)
		}
		all = append(all, some...)
		if err != nil || next == from { // nothing came although there is more: a hole at the end
			return all, err
		}
		from = next
	}
	return all, nil
}

// fetch asks once, and gives the records and where to go on.
func fetch(conn *kafka.Conn, p partition, from int64, timeout time.Duration) (some []record, next int64, err error) {
	conn.SetDeadline(time.Now().Add(timeout + fetchWait))
	if _, err := conn.Seek(from, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return nil, from, err
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait})
	next = from
	for err == nil {
		var m kafka.Message
		if m, err = batch.ReadMessage(); err != nil || m.Offset >= p.end {
			break
		}
		if m.Offset >= from { // a compressed batch starts before the offset asked for
			some = append(some, record{p.id, m.Offset, m.Key, m.Value, m.Time, m.Headers})
		}
		next = max(next, m.Offset+1)
	}
	if err == nil {
		next = p.end
	}
	next = max(next, batch.Offset()) // compacted records leave holes
	closing := batch.Close()
	switch {
	case errors.Is(err, io.EOF):
		err = closing
	case errors.Is(err, kafka.RequestTimedOut): // kafka-go's word for an empty fetch
		err = nil
	}
	return some, next, err
}

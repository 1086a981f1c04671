package doctor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// The limits of what is read of one topic.
const (
	sampleBytes   = 64 << 20 // bytes of keys and values
	fetchBytes    = 4 << 20
	fetchWait     = 500 * time.Millisecond
	newestRecords = 200 // records of the label topic and of the dead-letter topic
)

// record is a Kafka record.
type record struct {
	partition  int
	offset     int64
	key, value []byte
	time       time.Time // set by the broker or the producer, as the topic is configured
	headers    []kafka.Header
}

// readError is the error of a partition that could not be read.
type readError struct {
	partition int
	err       error
}

// sample holds the records that were read of the input topic.
type sample struct {
	records    []inputRecord
	topic      *topic
	partitions int
	faults     []readError
	now        time.Time
}

// sample reads the newest records of the input topic, as many of each partition.
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

// newest reads the newest records of the label topic or the dead-letter topic.
func (cl *cluster) newest(ctx context.Context, t *topic) []record {
	if !t.ok() {
		return nil
	}
	records, _ := cl.read(ctx, t, newestRecords)
	return records
}

// read returns the newest records of a topic, at most limit, in order within each
// partition. faults has the partitions that could not be read; the others are read
// nevertheless.
func (cl *cluster) read(ctx context.Context, t *topic, limit int) (all []record, faults []readError) {
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
			faults = append(faults, readError{p.id, err})
		}
	}
	return all, faults
}

// readPartition reads from an offset to the end that the partition had when it was
// asked, or until budget bytes are read.
func (cl *cluster) readPartition(ctx context.Context, name string, p partition, from int64, budget int) ([]record, error) {
	raw, err := cl.cfg.Cluster.Dial(ctx, "tcp", cl.addrs[p.leader])
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn := kafka.NewConnWith(raw, kafka.ConnConfig{ClientID: cl.cfg.Cluster.ClientID(), Topic: name, Partition: p.id})
	defer conn.Close()
	var all []record
	for from < p.end && budget > 0 {
		some, next, err := fetch(conn, p, from, cl.prober.timeout)
		for _, r := range some {
			budget -= len(r.key) + len(r.value)
		}
		all = append(all, some...)
		if err != nil || next == from { // no record although the end is ahead: compaction removed them
			return all, err
		}
		from = next
	}
	return all, nil
}

// fetch sends one fetch request and returns the records and the offset to read next.
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
		if m.Offset >= from && !isMarker(m) { // a compressed batch may begin before the offset that was asked for
			some = append(some, record{p.id, m.Offset, m.Key, m.Value, m.Time, m.Headers})
		}
		next = max(next, m.Offset+1)
	}
	if err == nil {
		next = p.end
	}
	next = max(next, batch.Offset()) // compaction leaves holes
	closing := batch.Close()
	switch {
	case errors.Is(err, io.EOF):
		err = closing
	case errors.Is(err, kafka.RequestTimedOut): // kafka-go's error for an empty fetch
		err = nil
	}
	return some, next, err
}

// isMarker reports whether a message is the marker of a transaction's end, which kafka-go
// gives like a record. Its key is a version and a kind, its value begins with a version;
// all are zeros but for the kind, which no record of ours has.
func isMarker(m kafka.Message) bool {
	return len(m.Key) == 4 && bytes.HasPrefix(m.Key, []byte{0, 0, 0}) && bytes.HasPrefix(m.Value, []byte{0, 0})
}

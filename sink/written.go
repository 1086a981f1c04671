package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

const (
	// writtenMargin is how much earlier than asked for labels are looked for: a label has the
	// time at which an attempt to write it began, and clocks differ.
	writtenMargin = time.Minute
	// mostWritten is how many flows are remembered, at most; it bounds the memory.
	mostWritten = 1 << 20
)

// ErrTooMany says that a topic has more labels than are remembered.
var ErrTooMany = errors.New("more labels than are remembered")

// Written is a set of flows that have a final label of a task. It keeps a hash of each uid.
type Written struct {
	task string
	seed maphash.Seed
	uids map[uint64]struct{}
}

// Has reports whether the flow has a label.
func (w *Written) Has(uid string) bool {
	_, has := w.uids[maphash.String(w.seed, uid)]
	return has
}

// Len is how many flows have one.
func (w *Written) Len() int { return len(w.uids) }

// WrittenSince reads the end of a label topic: the flows whose final labels of the task were
// written after a time, and up to now. What cannot be read as a label is passed by. With an error,
// it gives those that it has read; ErrTooMany says that there are more than can be remembered.
func WrittenSince(ctx context.Context, cluster *brokers.Cluster, topic, task string, since time.Time) (*Written, error) {
	client, done := cluster.Client()
	defer done()
	w := &Written{task: task, seed: maphash.MakeSeed(), uids: map[uint64]struct{}{}}
	ranges, err := endsOf(ctx, client, topic, since.Add(-writtenMargin))
	if err != nil {
		return w, fmt.Errorf("sink: the end of topic %s: %w", topic, err)
	}
	for partition, r := range ranges {
		for r.from < r.end && len(w.uids) < mostWritten {
			if r.from, err = w.read(ctx, client, topic, partition, r.from); err != nil {
				return w, fmt.Errorf("sink: read %s/%d: %w", topic, partition, err)
			}
		}
	}
	if len(w.uids) >= mostWritten {
		return w, fmt.Errorf("sink: topic %s: %w", topic, ErrTooMany)
	}
	return w, nil
}

// offsets is a part of a partition, without its end.
type offsets struct{ from, end int64 }

// endsOf gives the part of each partition that was written after a time.
func endsOf(ctx context.Context, client *kafka.Client, topic string, since time.Time) (map[int]offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	var first, last []kafka.OffsetRequest
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, t.Error
		}
		for _, p := range t.Partitions {
			first, last = append(first, kafka.TimeOffsetOf(p.ID, since)), append(last, kafka.LastOffsetOf(p.ID))
		}
	}
	from, err := listed(ctx, client, topic, first)
	if err != nil {
		return nil, err
	}
	end, err := listed(ctx, client, topic, last)
	if err != nil {
		return nil, err
	}
	all := map[int]offsets{}
	for partition, offset := range from {
		if offset >= 0 { // else nothing is so new
			all[partition] = offsets{offset, end[partition]}
		}
	}
	return all, nil
}

// listed gives the offset that was asked for, by partition.
func listed(ctx context.Context, client *kafka.Client, topic string, ask []kafka.OffsetRequest) (map[int]int64, error) {
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return nil, err
	}
	all := map[int]int64{}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, p.Error
		}
		all[p.Partition] = p.LastOffset
		for offset := range p.Offsets {
			all[p.Partition] = offset
		}
	}
	return all, nil
}

// read reads labels from an offset on, and gives the offset to go on from.
func (w *Written) read(ctx context.Context, client *kafka.Client, topic string, partition int, from int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := client.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: partition, Offset: from, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 250 * time.Millisecond})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return from, err
	}
	next := from + 1 // behind a hole, where nothing comes
	for {
		r, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return from, err
		}
		next = max(next, r.Offset+1)
		if err := w.add(r); err != nil {
			return from, err
		}
	}
}

// add remembers a final label. Other tasks may write to the same topic.
func (w *Written) add(r *kafka.Record) error {
	if r.Value == nil {
		return nil
	}
	value, err := io.ReadAll(r.Value)
	if err != nil {
		return err
	}
	var label struct {
		UID   string `json:"uid"`
		Task  string `json:"task"`
		Final bool   `json:"final"`
	}
	if json.Unmarshal(value, &label) == nil && label.Final && label.Task == w.task {
		w.uids[maphash.String(w.seed, label.UID)] = struct{}{}
	}
	return nil
}

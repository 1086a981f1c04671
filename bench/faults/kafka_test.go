package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetRange holds the first and the next offset of a partition.
type offsetRange struct{ first, end int64 }

// offsetRanges returns the range of offsets of each of a topic's partitions.
func (h *harness) offsetRanges(ctx context.Context, topic string) (map[int]offsetRange, error) {
	meta, err := h.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	if len(meta.Topics) != 1 || meta.Topics[0].Error != nil {
		return nil, fmt.Errorf("no metadata of %s: %v", topic, meta.Topics)
	}
	req := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for _, p := range meta.Topics[0].Partitions {
		req.Topics[topic] = append(req.Topics[topic], kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
	}
	res, err := h.client.ListOffsets(ctx, req)
	if err != nil {
		return nil, err
	}
	spans := map[int]offsetRange{}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, p.Error
		}
		spans[p.Partition] = offsetRange{p.FirstOffset, p.LastOffset}
	}
	if len(spans) != len(meta.Topics[0].Partitions) {
		return nil, fmt.Errorf("%s: offsets of %d partitions, there are %d", topic, len(spans), len(meta.Topics[0].Partitions))
	}
	return spans, nil
}

// committed returns the group's offsets by partition; no entry where none is committed.
func (h *harness) committed(ctx context.Context) (map[int]int64, error) {
	req := &kafka.OffsetFetchRequest{GroupID: h.name, Topics: map[string][]int{}}
	for p := range h.cfg.partitions + h.cfg.extraPartitions {
		req.Topics[h.name] = append(req.Topics[h.name], p)
	}
	res, err := h.client.OffsetFetch(ctx, req)
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, err
	}
	offsets := map[int]int64{}
	for _, p := range res.Topics[h.name] {
		if p.Error != nil {
			return nil, p.Error
		}
		if p.CommittedOffset >= 0 {
			offsets[p.Partition] = p.CommittedOffset
		}
	}
	return offsets, nil
}

// truncate deletes the records below an offset, by partition, as retention does. The broker
// must be a single node, so that it leads all partitions.
func (h *harness) truncate(t *testing.T, below map[int]int64) {
	t.Helper()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = h.name
	for partition, offset := range below {
		p := kmsg.NewDeleteRecordsRequestTopicPartition()
		p.Partition, p.Offset = int32(partition), offset
		topic.Partitions = append(topic.Partitions, p)
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version, req.TimeoutMillis, req.Topics = 1, 10_000, append(req.Topics, topic)
	resp := kmsg.NewPtrDeleteRecordsResponse()
	resp.Version = req.Version
	if err := ask(h.cfg.brokers[0], req, resp); err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Fatalf("delete records of partition %d: error %d", p.Partition, p.ErrorCode)
		}
	}
}

// ask sends a request that kafka-go does not have, in a version without flexible headers.
func ask(addr string, req kmsg.Request, resp kmsg.Response) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		return err
	}
	head := make([]byte, 8) // size and correlation id
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return err
	}
	return resp.ReadFrom(body)
}

// fetch calls take with the records of a partition from offset next up to end. It returns the
// offset to continue at.
func (h *harness) fetch(ctx context.Context, topic string, partition int, next, end int64, take func(*kafka.Record)) (int64, error) {
	for next < end {
		res, err := h.client.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: partition, Offset: next,
			MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 500 * time.Millisecond})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			return next, err
		}
		for {
			r, err := res.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return next, err
			}
			if r.Offset >= next { // the broker sends whole batches, with earlier records
				take(r)
				next = r.Offset + 1
			}
		}
	}
	return next, nil
}

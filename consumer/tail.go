package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/fetch"
)

// tail reads one partition from an offset on.
type tail struct {
	cfg       *Config
	partition int
	next      int64 // offset of the next record wanted
	conn      *patient
	reader    *fetch.Reader
	request   fetch.Request
	out       []byte // the request as it is written
}

func newTail(cfg *Config, partition int, memory *fetch.Memory) tail {
	return tail{cfg: cfg, partition: partition, reader: fetch.NewReader(cfg.fetchLimits(), memory),
		request: fetch.Request{ClientID: cfg.Cluster.ClientID(), Topic: cfg.Topic, Partition: int32(partition),
			MinBytes: 1, MaxWait: int32(cfg.MaxWait.Milliseconds())}}
}

// ErrTruncated says that records were deleted before they were read.
var ErrTruncated = errors.New("records were deleted before they were read")

// open connects to the partition's leader and gives the offsets that it holds:
// first the oldest record's, end the one behind the newest.
func (t *tail) open(ctx context.Context) (first, end int64, err error) {
	t.close()
	conn, err := t.cfg.Cluster.DialLeader(ctx, t.cfg.Topic, t.partition)
	if err != nil {
		return 0, 0, fmt.Errorf("consumer: connect to the leader of %s/%d: %w", t.cfg.Topic, t.partition, err)
	}
	t.conn = &patient{Conn: conn, patience: t.cfg.MaxWait + dialTimeout}
	t.reader.Reset(t.conn)
	t.request.MaxBytes = int32(min(leastFetch, t.cfg.FetchBytes))
	t.conn.SetDeadline(time.Now().Add(dialTimeout))
	// kafka-go asks on our connection, and leaves nothing unread on it.
	asker := kafka.NewConnWith(conn, kafka.ConnConfig{ClientID: t.cfg.Cluster.ClientID(), Topic: t.cfg.Topic, Partition: t.partition})
	asker.SetDeadline(time.Now().Add(dialTimeout))
	if t.request.Version, err = fetchVersion(asker); err != nil {
		return 0, 0, fmt.Errorf("consumer: ask the leader of %s/%d what it speaks: %w", t.cfg.Topic, t.partition, err)
	}
	if first, end, err = asker.ReadOffsets(); err != nil {
		return 0, 0, fmt.Errorf("consumer: read the offsets of %s/%d: %w", t.cfg.Topic, t.partition, err)
	}
	return first, end, nil
}

// fetchVersion is the version of Fetch to speak with a broker.
func fetchVersion(broker *kafka.Conn) (int16, error) {
	all, err := broker.ApiVersions()
	for _, api := range all {
		if api.ApiKey == fetch.API {
			return fetch.Version(api.MaxVersion), err
		}
	}
	return fetch.Old, err
}

func (t *tail) close() {
	t.reader.Reset(nil)
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// fetch asks once for records and hands each to take, until that fails; among
// them is what cannot be read. It gives how many there were, and whether they
// reach the partition's end. After an error the connection must be opened anew.
func (t *tail) fetch(take func(rec *fetch.Record) error) (n int, atEnd bool, err error) {
	t.request.Offset = t.next
	t.request.Correlation++
	t.out = t.request.Append(t.out[:0])
	t.conn.SetWriteDeadline(time.Now().Add(dialTimeout))
	if _, err := t.conn.Write(t.out); err != nil {
		return 0, false, err
	}
	res, err := t.reader.Begin(&t.request)
	if err == nil && res.Error != 0 {
		err = kafka.Error(res.Error)
	}
	t.conn.waited = 0 // the broker has held the response for as long as it liked
	for rec := (fetch.Record{}); err == nil; {
		if err = t.reader.Next(&rec); err != nil {
			break
		}
		t.next = rec.Last + 1
		n++
		err = take(&rec)
	}
	if !errors.Is(err, io.EOF) {
		return n, false, err
	}
	t.request.MaxBytes = int32(paced(int(t.request.MaxBytes), res.Size, t.conn.waited, t.cfg.FetchBytes))
	t.next = t.reader.Offset() // compacted records and markers of transactions leave holes
	return n, t.next >= res.High, nil
}

package partition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/fetch"
)

// exchangeTimeout bounds every exchange with a broker beyond what the broker was asked
// to wait; of a long answer, the wait for more of it. It is half of the time in which we
// have to say that a broker does not answer.
const exchangeTimeout = 5 * time.Second

// fetcher reads one partition over a connection of its own to the leader. It has no
// position: whoever polls says from where.
type fetcher struct {
	cfg       *Config
	partition int
	conn      *deadlineConn // nil: not connected
	unwatch   func() bool   // stops watching the context of open
	reader    *fetch.Reader
	request   fetch.Request
	out       []byte // the request as it is written
	record    fetch.Record

	behind int64     // records between the last poll's end and the partition's
	newest time.Time // when the last record of that poll was written
}

func newFetcher(cfg *Config, partition int, memory *fetch.Memory) *fetcher {
	return &fetcher{cfg: cfg, partition: partition, reader: fetch.NewReader(cfg.Limits, memory),
		request: fetch.Request{ClientID: cfg.Cluster.ClientID(), Topic: cfg.Topic, Partition: int32(partition),
			MinBytes: 1, MaxWait: int32(cfg.MaxWait.Milliseconds())}}
}

// open connects to the partition's leader and gives the offsets that it holds: first is
// the oldest record's, end the one behind the newest. The connection ends with ctx.
func (f *fetcher) open(ctx context.Context) (first, end int64, err error) {
	f.close()
	conn, err := f.cfg.Cluster.DialLeader(ctx, f.cfg.Topic, f.partition)
	if err != nil {
		return 0, 0, fmt.Errorf("consumer: connect to the leader of %s/%d: %w", f.cfg.Topic, f.partition, err)
	}
	f.conn = &deadlineConn{Conn: conn, timeout: f.cfg.MaxWait + exchangeTimeout}
	f.unwatch = context.AfterFunc(ctx, func() { conn.Close() })
	f.reader.Reset(f.conn)
	f.request.MaxBytes = int32(min(leastFetchBytes, f.cfg.FetchBytes))
	// kafka-go asks on our connection, and leaves nothing unread on it.
	asker := kafka.NewConnWith(conn, kafka.ConnConfig{ClientID: f.cfg.Cluster.ClientID(), Topic: f.cfg.Topic, Partition: f.partition})
	asker.SetDeadline(time.Now().Add(exchangeTimeout))
	if f.request.Version, err = fetchVersion(asker); err != nil {
		return 0, 0, fmt.Errorf("consumer: ask the leader of %s/%d what it speaks: %w", f.cfg.Topic, f.partition, err)
	}
	if first, end, err = asker.ReadOffsets(); err != nil {
		return 0, 0, fmt.Errorf("consumer: read the offsets of %s/%d: %w", f.cfg.Topic, f.partition, err)
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

func (f *fetcher) close() {
	f.reader.Reset(nil)
	if f.conn != nil {
		f.unwatch()
		f.conn.Close()
		f.conn = nil
	}
}

// poll asks once for records from an offset on and hands each to take, until take
// fails; among them is what cannot be read. It gives the offset to go on from, and
// whether that is the partition's end. After an error the connection must be opened
// again.
func (f *fetcher) poll(ctx context.Context, from int64, take func(rec *fetch.Record) error) (next int64, atEnd bool, err error) {
	f.request.Offset = from
	f.request.Correlation++
	f.out = f.request.Append(f.out[:0])
	f.conn.SetWriteDeadline(time.Now().Add(exchangeTimeout))
	if _, err := f.conn.Write(f.out); err != nil {
		return from, false, err
	}
	res, err := f.reader.Begin(&f.request)
	if err == nil && res.Error != 0 {
		err = kafka.Error(res.Error)
	}
	f.conn.waited = 0 // the broker has held the response for as long as it liked
	for err == nil {
		if err = f.reader.Next(ctx, &f.record); err == nil {
			err = take(&f.record)
		}
	}
	if !errors.Is(err, io.EOF) {
		return from, false, err
	}
	f.request.MaxBytes = int32(nextFetchBytes(int(f.request.MaxBytes), res.Size, f.conn.waited, f.cfg.FetchBytes))
	next = f.reader.Offset() // behind the holes that compaction and markers of transactions leave
	f.behind, f.newest = max(0, res.High-next), time.UnixMilli(f.reader.Newest())
	return next, next >= res.High, nil
}

package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// tail reads one partition from an offset on, values only, into one buffer.
type tail struct {
	cfg       *Config
	partition int
	next      int64 // offset of the next record wanted
	conn      *kafka.Conn
	buf       []byte
}

// ErrTruncated says that records were deleted before they were read.
var ErrTruncated = errors.New("records were deleted before they were read")

// open connects to the partition's leader and gives the offsets that it holds:
// first the oldest record's, end the one behind the newest.
func (t *tail) open(ctx context.Context) (first, end int64, err error) {
	dialer := t.cfg.Cluster.Dialer()
	t.close()
	for _, broker := range t.cfg.Cluster.Addrs() {
		if t.conn, err = dialer.DialLeader(ctx, "tcp", broker, t.cfg.Topic, t.partition); err == nil {
			break
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("consumer: connect to the leader of %s/%d: %w", t.cfg.Topic, t.partition, err)
	}
	t.conn.SetDeadline(time.Now().Add(dialTimeout))
	if first, end, err = t.conn.ReadOffsets(); err != nil {
		return 0, 0, fmt.Errorf("consumer: read the offsets of %s/%d: %w", t.cfg.Topic, t.partition, err)
	}
	return first, end, nil
}

func (t *tail) close() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// fetch asks once for records and hands each to take, until that fails. It gives
// how many there were, and whether they reach the partition's end.
func (t *tail) fetch(take func(offset int64, value []byte) error) (n int, atEnd bool, err error) {
	t.conn.SetReadDeadline(time.Now().Add(t.cfg.MaxWait + dialTimeout))
	if _, err := t.conn.Seek(t.next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return 0, false, err
	}
	batch := t.conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: t.cfg.FetchBytes, MaxWait: t.cfg.MaxWait})
	for err == nil {
		var size int
		if size, err = batch.Read(t.buf); err != nil {
			break
		}
		offset := batch.Offset() - 1
		if offset < t.next { // a compressed batch starts before the offset asked for
			continue
		}
		t.next = offset + 1
		n++
		err = take(offset, t.buf[:size])
	}
	t.next = max(t.next, batch.Offset()) // compacted records leave holes
	atEnd = t.next >= batch.HighWaterMark()
	closing := batch.Close()
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		t.buf = make([]byte, 2*len(t.buf))
		err = nil
	case errors.Is(err, kafka.RequestTimedOut): // kafka-go's word for an empty fetch
		err = nil
	case errors.Is(err, io.EOF):
		err = closing
	}
	return n, atEnd && err == nil, err
}

package sink

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/cascade"
)

// Labels sends verdicts to a label topic, keyed by uid.
type Labels struct {
	Producer Sender
	Topic    string
	Latest   string // compacted topic that has the final labels too; empty: none
}

// Put sends one verdict; its pin is acknowledged when the label is written to all
// topics that it belongs to.
//
// A provisional label does not go to the compacted topic. A member that was halted,
// and whose partitions others have taken over, may still write one when it wakes:
// it would stay there as the key's last for ever.
func (l Labels) Put(ctx context.Context, v *cascade.Verdict) {
	m := Message{Topic: l.Topic, Key: []byte(v.UID), Value: AppendLabel(make([]byte, 0, 1024), v), Pin: v.Pin}
	if l.Latest == "" || !v.Final {
		l.Producer.Send(ctx, m)
		return
	}
	if m.Pin != nil {
		both := &countdown{pin: m.Pin}
		both.left.Store(2)
		m.Pin = both
	}
	l.Producer.Send(ctx, m)
	m.Topic = l.Latest
	l.Producer.Send(ctx, m)
}

// countdown acknowledges a pin when it has itself been acknowledged so many times.
type countdown struct {
	pin  Acker
	left atomic.Int32
}

// Ack counts one.
func (c *countdown) Ack() {
	if c.left.Add(-1) == 0 {
		c.pin.Ack()
	}
}

// DeadLetter is a record that could not be read, and why.
type DeadLetter struct {
	Value     []byte // the original bytes
	Topic     string // where it was
	Partition int
	Offset    int64
	Reason    string // one of a small set, for counting
	Stage     string // where it was refused; empty is decode
	Cut       bool   // Value is only the beginning of the record
	Size      int    // bytes of the whole record where Value is cut; 0 where nobody knows
	Offsets   int64  // how many it spans, where it is a batch; else 0 or 1
	Err       error
	Pin       Acker
}

// Sender queues a message and blocks while there is no room, until ctx is done.
type Sender interface {
	Send(ctx context.Context, m Message)
}

// DeadLetters sends bad records to a topic of their own.
type DeadLetters struct {
	Producer Sender
	Topic    string
}

// Put sends one dead letter with its origin in the headers: error, reason,
// topic, partition, offset, stage; cut where Value is not the whole record, and its
// size; offsets, how many it spans, where it is a batch.
func (d DeadLetters) Put(ctx context.Context, l DeadLetter) {
	header := func(name, value string) kafka.Header { return kafka.Header{Key: name, Value: []byte(value)} }
	headers := []kafka.Header{
		header("error", l.Err.Error()), header("reason", l.Reason), header("topic", l.Topic),
		header("partition", strconv.Itoa(l.Partition)), header("offset", strconv.FormatInt(l.Offset, 10)), header("stage", cmp.Or(l.Stage, "decode")),
	}
	if l.Cut {
		headers = append(headers, header("cut", "true"))
	}
	if l.Cut && l.Size > 0 {
		headers = append(headers, header("size", strconv.Itoa(l.Size)))
	}
	if l.Offsets > 1 {
		headers = append(headers, header("offsets", strconv.FormatInt(l.Offsets, 10)))
	}
	d.Producer.Send(ctx, Message{Topic: d.Topic, Value: append([]byte(nil), l.Value...), Pin: l.Pin, Headers: headers})
}

// Lines writes label records as JSON lines.
type Lines struct {
	mu  sync.Mutex
	out *bufio.Writer
	buf []byte
	err error
}

// NewLines builds a sink that writes to w.
func NewLines(w io.Writer) *Lines { return &Lines{out: bufio.NewWriterSize(w, 64<<10)} }

// Put writes one label and acknowledges it. After a failure it writes nothing
// more; Flush tells.
func (l *Lines) Put(v *cascade.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.buf = append(AppendLabel(l.buf[:0], v), '\n')
	if _, l.err = l.out.Write(l.buf); l.err == nil && v.Pin != nil {
		v.Pin.Ack()
	}
}

// Err is the first failure so far.
func (l *Lines) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Flush writes out what is buffered, and gives the first failure.
func (l *Lines) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = l.out.Flush()
	}
	if l.err != nil {
		return fmt.Errorf("sink: write labels: %w; those before it are written: make room and start again", l.err)
	}
	return nil
}

package sink

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// Sender queues a message. It may block. When ctx is done it returns without an
// acknowledgement.
type Sender interface {
	Send(ctx context.Context, m producer.Message)
}

// Labels sends label records to a label topic. A record's key is the flow's uid.
type Labels struct {
	Sender Sender
	Topic  string
	Latest string // compacted topic that gets the final labels too; empty: none
}

// Put sends one verdict. It acknowledges the verdict once the label is written to each
// topic that it goes to.
//
// A provisional label does not go to the compacted topic. A member that was paused, and has
// lost its partitions to other members, may still write one when it goes on. That record
// would be the key's last one, and compaction would keep it in place of the final label.
func (l Labels) Put(ctx context.Context, v *cascade.Verdict) {
	m := producer.Message{Topic: l.Topic, Key: []byte(v.UID), Value: AppendLabel(make([]byte, 0, 1024), v), Acker: v.Acker}
	if l.Latest == "" || !v.Final {
		l.Sender.Send(ctx, m)
		return
	}
	if m.Acker != nil {
		m.Acker = delivery.All(m.Acker, 2)
	}
	l.Sender.Send(ctx, m)
	m.Topic = l.Latest
	l.Sender.Send(ctx, m)
}

// Lines writes label records as JSON lines.
type Lines struct {
	mu  sync.Mutex
	out *bufio.Writer
	buf []byte
	err error
}

// NewLines builds a sink that writes to w, which it does not close.
func NewLines(w io.Writer) *Lines { return &Lines{out: bufio.NewWriterSize(w, 64<<10)} }

// Put buffers one label and acknowledges it. After a failure it neither writes nor
// acknowledges; Err and Flush return that failure.
func (l *Lines) Put(v *cascade.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.buf = append(AppendLabel(l.buf[:0], v), '\n')
	if _, l.err = l.out.Write(l.buf); l.err == nil && v.Acker != nil {
		v.Acker.Ack()
	}
}

// Err returns the first failure so far, or nil.
func (l *Lines) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Flush writes out what is buffered. It returns the first failure so far.
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

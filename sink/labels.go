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

// Labels sends label records to a label topic. A record's key is the flow's uid. It is safe for
// concurrent use.
type Labels struct {
	Sender Sender
	Topic  string
	Latest string // compacted topic that gets the final labels too; empty: none

	rooms sync.Pool // of *[]byte: records lie in one piece of memory, one behind the other
}

const (
	roomBytes  = 32 << 10
	labelBytes = 2 << 10 // that a record with its key mostly has less of
)

// Put sends one verdict. It acknowledges the verdict once the label is written to each
// topic that it goes to.
//
// A provisional label does not go to the compacted topic. A member that was paused, and has
// lost its partitions to other members, may still write one when it goes on. That record
// would be the key's last one, and compaction would keep it in place of the final label.
func (l *Labels) Put(ctx context.Context, v *cascade.Verdict) {
	m := producer.Message{Topic: l.Topic, Acker: v.Acker}
	m.Key, m.Value = l.record(v)
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

// record writes a verdict's record and its key behind those that were written before. Nobody writes
// there again: the memory is free once all records in it are.
func (l *Labels) record(v *cascade.Verdict) (key, value []byte) {
	room, _ := l.rooms.Get().(*[]byte)
	if room == nil || cap(*room)-len(*room) < labelBytes {
		empty := make([]byte, 0, roomBytes)
		room = &empty
	}
	begin := len(*room)
	*room = AppendLabel(*room, v)
	end := len(*room)
	*room = append(*room, v.UID...)
	key, value = (*room)[end:len(*room):len(*room)], (*room)[begin:end:end]
	l.rooms.Put(room)
	return key, value
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

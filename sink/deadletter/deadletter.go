// Package deadletter sends records that could not be taken to a topic of their own, byte
// for byte. The headers say where they were, and why they are there.
package deadletter

import (
	"cmp"
	"context"
	"strconv"
	"sync"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

const (
	// budgetBytes is how many bytes of dead letters may be unwritten at a time. With many
	// large ones, the rest stays on the brokers and not in this process's memory.
	budgetBytes = 8 << 20
	// letterBytes is roughly what a dead letter costs in memory beside its value.
	letterBytes = 1 << 10
)

// sender queues a message. It may block. When ctx is done it returns without an
// acknowledgement.
type sender interface {
	Send(ctx context.Context, m producer.Message)
}

// Queue sends dead letters to a topic. It is safe for concurrent use.
type Queue struct {
	sender sender
	topic  string
	budget *semaphore.Weighted // bytes
}

// New builds a queue that sends to a topic through a producer.
func New(to sender, topic string) *Queue {
	return &Queue{sender: to, topic: topic, budget: semaphore.NewWeighted(budgetBytes)}
}

// Put sends one dead letter, whose Err is not nil. It copies the value. It blocks while the
// budget is used up. When ctx is done it returns, and the dead letter is perhaps neither
// written nor acknowledged.
func (q *Queue) Put(ctx context.Context, l delivery.DeadLetter) {
	r := &reservation{acker: l.Acker, budget: q.budget, bytes: min(int64(len(l.Value))+letterBytes, budgetBytes)}
	if q.budget.Acquire(ctx, r.bytes) != nil {
		return
	}
	q.sender.Send(ctx, producer.Message{Topic: q.topic, Value: append([]byte(nil), l.Value...), Headers: headers(l), Acker: r})
	if ctx.Err() != nil {
		r.release() // the sender may have dropped it
	}
}

// reservation is a dead letter's part of the budget. It is returned once.
type reservation struct {
	acker  delivery.Acker
	once   sync.Once
	budget *semaphore.Weighted
	bytes  int64
}

// Ack acknowledges the dead letter, and returns its part of the budget.
func (r *reservation) Ack() {
	if r.acker != nil {
		r.acker.Ack()
	}
	r.release()
}

func (r *reservation) release() { r.once.Do(func() { r.budget.Release(r.bytes) }) }

// headers returns error, reason, topic, partition, offset and stage. A value that is only
// the beginning of its record adds cut, and size if the record's size is known. A batch
// adds offsets, the number of offsets that it spans.
func headers(l delivery.DeadLetter) []kafka.Header {
	header := func(name, value string) kafka.Header { return kafka.Header{Key: name, Value: []byte(value)} }
	all := []kafka.Header{
		header("error", l.Err.Error()), header("reason", l.Reason), header("topic", l.Topic),
		header("partition", strconv.Itoa(l.Partition)), header("offset", strconv.FormatInt(l.Offset, 10)), header("stage", cmp.Or(l.Stage, "decode")),
	}
	if l.Cut {
		all = append(all, header("cut", "true"))
	}
	if l.Cut && l.Size > 0 {
		all = append(all, header("size", strconv.Itoa(l.Size)))
	}
	if l.Offsets > 1 {
		all = append(all, header("offsets", strconv.FormatInt(l.Offsets, 10)))
	}
	return all
}

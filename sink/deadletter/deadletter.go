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
	// budgetBytes is how many bytes of dead letters may be on their way at a time, so
	// that a flood of large ones stays on the brokers and not in memory.
	budgetBytes = 8 << 20
	// letterBytes is what a dead letter holds beside its value.
	letterBytes = 1 << 10
)

// sender queues a message. It may block, and gives up without acknowledging when
// ctx is done.
type sender interface {
	Send(ctx context.Context, m producer.Message)
}

// Queue is the way to a dead-letter topic. It is safe for concurrent use.
type Queue struct {
	sender sender
	topic  string
	budget *semaphore.Weighted // bytes
}

// New builds a queue that sends to a topic by a producer.
func New(to sender, topic string) *Queue {
	return &Queue{sender: to, topic: topic, budget: semaphore.NewWeighted(budgetBytes)}
}

// Put sends one dead letter. It copies the value. It blocks while the budget is
// used up, and gives up when ctx is done: the letter is then not acknowledged.
func (q *Queue) Put(ctx context.Context, l delivery.DeadLetter) {
	r := &reservation{acker: l.Acker, budget: q.budget, bytes: min(int64(len(l.Value))+letterBytes, budgetBytes)}
	if q.budget.Acquire(ctx, r.bytes) != nil {
		return
	}
	q.sender.Send(ctx, producer.Message{Topic: q.topic, Value: append([]byte(nil), l.Value...), Headers: headers(l), Acker: r})
	if ctx.Err() != nil {
		r.release() // it may never be written
	}
}

// reservation is a dead letter's part of the budget, given back when it is written.
type reservation struct {
	acker  delivery.Acker
	once   sync.Once
	budget *semaphore.Weighted
	bytes  int64
}

// Ack tells whoever waits for the dead letter that it is written.
func (r *reservation) Ack() {
	if r.acker != nil {
		r.acker.Ack()
	}
	r.release()
}

func (r *reservation) release() { r.once.Do(func() { r.budget.Release(r.bytes) }) }

// headers are error, reason, topic, partition, offset and stage; cut where the value
// is not the whole record, and its size where that is known; offsets, how many it
// spans, where it is a batch.
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

package producer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"
)

const (
	// queueBytes is how many bytes of messages one topic's queue holds.
	queueBytes = 64 << 20
	// overhead is roughly what a queued message costs in memory beside its bytes.
	overhead = 256
)

// topicWriter writes messages. Where only some of them failed, its error is a
// kafka.WriteErrors of as many entries as there are messages.
type topicWriter interface {
	WriteMessages(ctx context.Context, msgs ...kafka.Message) error
}

// topicQueue queues and writes the messages of one topic. Each topic has its own queue, so
// that a topic that cannot be written does not hold back the messages of another.
type topicQueue struct {
	topic   string
	waiting chan Message
	budget  *semaphore.Weighted // bytes, as dead letters may be large; a message's part is returned when it is written
	writer  topicWriter
	late    func() bool // Producer.Late
	metrics *Metrics
	log     *slog.Logger
	needed  bool // somebody waits for its messages; guarded by Producer.mu

	// parked are messages that are larger than the topic allows, and later messages
	// with the same keys. Only the goroutine of run uses it.
	parked []Message

	mu        sync.Mutex
	failure   error     // of the last attempt; nil: it succeeded
	parkedErr error     // why messages are parked; nil: none are
	began     time.Time // of the current attempt; zero: none is under way
}

func newTopicQueue(topic string, capacity int, w topicWriter, m *Metrics, log *slog.Logger) *topicQueue {
	return &topicQueue{topic: topic, waiting: make(chan Message, capacity), budget: semaphore.NewWeighted(queueBytes), writer: w, metrics: m, log: log}
}

func (q *topicQueue) send(ctx context.Context, m Message) {
	if q.budget.Acquire(ctx, cost(m)) != nil {
		return
	}
	select {
	case q.waiting <- m:
	case <-ctx.Done():
		q.budget.Release(cost(m))
	}
}

// offer queues a message unless that would have to wait.
func (q *topicQueue) offer(m Message) bool {
	if !q.budget.TryAcquire(cost(m)) {
		return false
	}
	select {
	case q.waiting <- m:
		return true
	default:
		q.budget.Release(cost(m))
		return false
	}
}

// cost is a message's part of the queue's budget in bytes. A message that is larger
// than the budget takes all of it.
func cost(m Message) int64 { return min(int64(size(m))+overhead, queueBytes) }

// size is how many bytes a message has, without Kafka's own overhead.
func size(m Message) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// run writes until ctx is done.
func (q *topicQueue) run(ctx context.Context) {
	var batch []Message
	var retry <-chan time.Time
	for {
		waiting := q.waiting
		if len(q.parked) >= maxParked {
			waiting = nil
		}
		if len(q.parked) > 0 && retry == nil {
			retry = time.After(parkedInterval)
		}
		select {
		case <-ctx.Done():
			return
		case m := <-waiting:
			q.fill(ctx)
			batch = q.collect(append(batch[:0], m))
			q.write(ctx, batch)
			clear(batch)
		case <-retry:
			retry = nil
			q.retryParked(ctx)
		}
		q.updateParkedErr()
	}
}

// fill waits for more messages, where they are late anyway and the queue has room: a write of few takes
// almost the CPU of one of many.
func (q *topicQueue) fill(ctx context.Context) {
	if q.late == nil || !q.late() || len(q.waiting) >= min(batchMessages, cap(q.waiting))/2 {
		return
	}
	select {
	case <-time.After(filling):
	case <-ctx.Done():
	}
}

// collect adds messages that are queued already to a batch of one. A batch is never larger
// than what kafka-go writes to a partition at once. With two writes the first could fail
// and the second succeed, and messages with the same key would change their order.
func (q *topicQueue) collect(batch []Message) []Message {
	for bytes := cost(batch[0]); len(batch) < batchMessages && bytes < batchBytes; {
		select {
		case m := <-q.waiting:
			batch = append(batch, m)
			bytes += cost(m)
		default:
			return batch
		}
	}
	return batch
}

// ready returns why the topic cannot be written; nil if it can.
func (q *topicQueue) ready(now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.failure != nil:
		return q.failure
	case q.parkedErr != nil:
		return q.parkedErr
	case !q.began.IsZero() && now.Sub(q.began) > unansweredAfter:
		return unanswered(q.topic, now.Sub(q.began))
	}
	return nil
}

package producer

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"
)

const (
	// queueBytes is how many bytes of messages wait for one topic, at most.
	queueBytes = 64 << 20
	// overhead is what a waiting message costs beyond its bytes, roughly.
	overhead = 256
	// attemptTimeout bounds one attempt, looking up the topic included. It is above
	// writeTimeout: giving up on a write that may yet succeed makes duplicates.
	attemptTimeout = 20 * time.Second
	// unansweredAfter is how long an attempt may go without an answer before the producer
	// calls itself not ready.
	unansweredAfter = 5 * time.Second
)

// topicWriter writes messages and says which of them failed: kafka.WriteErrors.
type topicWriter interface {
	WriteMessages(ctx context.Context, msgs ...kafka.Message) error
}

// topicQueue holds and writes the messages of one topic. Each topic has its own, so that
// a topic that cannot be written does not hold back the messages of another.
type topicQueue struct {
	topic   string
	waiting chan Message
	room    *semaphore.Weighted // for bytes: dead letters may be large
	writer  topicWriter
	metrics *Metrics
	log     *slog.Logger

	// parked are messages that are larger than the topic allows, and later messages of
	// their keys. Only the goroutine of run uses it.
	parked []Message

	mu      sync.Mutex
	failing error     // why the last attempt failed; nil: it did not
	large   error     // why messages are parked; nil: none are
	asked   time.Time // when the attempt under way began; zero: there is none
}

func newTopicQueue(topic string, queue int, w topicWriter, m *Metrics, log *slog.Logger) *topicQueue {
	return &topicQueue{topic: topic, waiting: make(chan Message, queue), room: semaphore.NewWeighted(queueBytes), writer: w, metrics: m, log: log}
}

func (q *topicQueue) send(ctx context.Context, m Message) {
	if q.room.Acquire(ctx, cost(m)) != nil {
		return
	}
	select {
	case q.waiting <- m:
	case <-ctx.Done():
		q.room.Release(cost(m))
	}
}

// cost is what a message takes of a queue's room. A message that is larger than the
// room takes all of it.
func cost(m Message) int64 { return min(int64(size(m))+overhead, queueBytes) }

// size is how large a message is, without what Kafka adds.
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
	var again <-chan time.Time
	for {
		queue := q.waiting
		if len(q.parked) >= maxParked {
			queue = nil
		}
		if len(q.parked) > 0 && again == nil {
			again = time.After(parkedEvery)
		}
		select {
		case <-ctx.Done():
			return
		case m := <-queue:
			batch = q.collect(append(batch[:0], m))
			q.write(ctx, batch)
			clear(batch)
		case <-again:
			again = nil
			q.retry(ctx)
		}
		q.updateParked()
	}
}

// collect adds what else is queued, without waiting for more. It takes no more than
// kafka-go writes to a partition at once: of two writes the second could succeed where
// the first failed, and the order of a key would be lost.
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

// write tries until every message is written or parked, or ctx is done.
func (q *topicQueue) write(ctx context.Context, batch []Message) {
	batch = q.inOrder(batch)
	for wait := 50 * time.Millisecond; len(batch) > 0 && ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		rest, large := q.attempt(ctx, batch)
		q.split(ctx, large)
		if batch = rest; len(rest) == 0 || ctx.Err() != nil {
			continue
		}
		q.metrics.failures.Inc()
		q.log.Warn("write failed, will try again", "messages", len(rest), "err", q.ready(time.Now()))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if half := len(rest) / 2; half > 0 && q.late() { // over a slow link so many may never be through in time
			q.write(ctx, rest[:half])
			q.write(ctx, rest[half:])
			return
		}
	}
}

// attempt writes once, acknowledges what was written, and gives back the rest in order.
// large are the messages that were too much for the topic: as many as went to a
// partition together, of which perhaps one alone is too large.
func (q *topicQueue) attempt(ctx context.Context, batch []Message) (rest, large []Message) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	began := time.Now()
	q.update(began, q.failing)
	err := q.writer.WriteMessages(ctx, records(batch)...)
	q.metrics.wrote(time.Since(began))
	var each kafka.WriteErrors
	partly := errors.As(err, &each) && len(each) == len(batch)
	var why error
	for i, m := range batch {
		failed := err
		if partly {
			failed = each[i]
		}
		switch {
		case failed == nil:
			q.written(m)
		case errors.Is(failed, kafka.MessageSizeTooLarge) || errors.Is(failed, kafka.RecordListTooLarge):
			large = append(large, m)
		default:
			rest, why = append(rest, m), failed
		}
	}
	q.update(time.Time{}, describe(rest, why))
	return rest, large
}

// late tells whether the last attempt failed because it took too long.
func (q *topicQueue) late() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Is(q.failing, context.DeadlineExceeded) || errors.Is(q.failing, os.ErrDeadlineExceeded)
}

func (q *topicQueue) written(m Message) {
	q.metrics.written.WithLabelValues(m.Topic).Inc()
	q.room.Release(cost(m))
	if m.Acker != nil {
		m.Acker.Ack()
	}
}

// update notes when the attempt under way began, and why the last one failed.
func (q *topicQueue) update(asked time.Time, failing error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked, q.failing = asked, failing
}

// ready says in words why the topic cannot be written; nil if it can.
func (q *topicQueue) ready(now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.failing != nil:
		return q.failing
	case q.large != nil:
		return q.large
	case !q.asked.IsZero() && now.Sub(q.asked) > unansweredAfter:
		return unanswered(q.topic, now.Sub(q.asked))
	}
	return nil
}

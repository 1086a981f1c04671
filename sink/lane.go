package sink

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
	// laneBytes is how many bytes of messages wait for one topic, at most.
	laneBytes = 64 << 20
	// overhead is what a waiting message costs beyond its bytes, roughly.
	overhead = 256
	// attemptTimeout bounds one attempt, looking up the topic included. It is above
	// writeTimeout: giving up on a write that may yet succeed makes duplicates.
	attemptTimeout = 20 * time.Second
	// hesitation is how long an attempt may go without an answer until we call
	// ourselves not ready.
	hesitation = 5 * time.Second
)

// topicWriter writes messages and says which of them failed: kafka.WriteErrors.
type topicWriter interface {
	WriteMessages(ctx context.Context, msgs ...kafka.Message) error
}

// lane is the way to one topic. Each topic has its own, so that one that cannot
// be written does not hold back another's messages.
type lane struct {
	topic   string
	queue   chan Message
	room    *semaphore.Weighted // for bytes: dead letters may be large
	writer  topicWriter
	metrics *Metrics
	log     *slog.Logger

	// aside are messages that are larger than the topic allows, and later ones of
	// their keys. Only run's goroutine uses it.
	aside []Message

	mu      sync.Mutex
	failing error     // why the last attempt failed; nil: it did not
	large   error     // why messages are set aside; nil: none are
	asked   time.Time // when the attempt under way began; zero: there is none
}

func newLane(topic string, queue int, w topicWriter, m *Metrics, log *slog.Logger) *lane {
	return &lane{topic: topic, queue: make(chan Message, queue), room: semaphore.NewWeighted(laneBytes), writer: w, metrics: m, log: log}
}

func (l *lane) send(ctx context.Context, m Message) {
	if l.room.Acquire(ctx, weight(m)) != nil {
		return
	}
	select {
	case l.queue <- m:
	case <-ctx.Done():
		l.room.Release(weight(m))
	}
}

// weight is what a message takes of a lane's room. One that is larger than the
// room has it for itself.
func weight(m Message) int64 { return min(int64(size(m))+overhead, laneBytes) }

// size is how large a message is, without what Kafka adds.
func size(m Message) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// run writes until ctx is done.
func (l *lane) run(ctx context.Context) {
	var batch []Message
	var again <-chan time.Time
	for {
		queue := l.queue
		if len(l.aside) >= maxAside {
			queue = nil
		}
		if len(l.aside) > 0 && again == nil {
			again = time.After(asideEvery)
		}
		select {
		case <-ctx.Done():
			return
		case m := <-queue:
			batch = l.collect(append(batch[:0], m))
			l.write(ctx, batch)
			clear(batch)
		case <-again:
			again = nil
			l.retry(ctx)
		}
		l.noteAside()
	}
}

// collect adds what else is queued, without waiting for more: no more than kafka-go
// writes to a partition at once. Were it to make two writes of it, the second could
// succeed where the first failed, and a key's order be lost.
func (l *lane) collect(batch []Message) []Message {
	for bytes := weight(batch[0]); len(batch) < batchMessages && bytes < batchBytes; {
		select {
		case m := <-l.queue:
			batch = append(batch, m)
			bytes += weight(m)
		default:
			return batch
		}
	}
	return batch
}

// write tries until every message is written or set aside, or ctx is done.
func (l *lane) write(ctx context.Context, batch []Message) {
	batch = l.inOrder(batch)
	for wait := 50 * time.Millisecond; len(batch) > 0 && ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		rest, large := l.attempt(ctx, batch)
		l.split(ctx, large)
		if batch = rest; len(rest) == 0 || ctx.Err() != nil {
			continue
		}
		l.metrics.failures.Inc()
		l.log.Warn("write failed, will try again", "messages", len(rest), "err", l.ready(time.Now()))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if half := len(rest) / 2; half > 0 && l.late() { // over a slow link so many may never be through in time
			l.write(ctx, rest[:half])
			l.write(ctx, rest[half:])
			return
		}
	}
}

// attempt writes once, acknowledges what was written, and gives back what was
// not, in order. large are those that were too much for the topic: as many as
// went to a partition together, of which one alone may be too large.
func (l *lane) attempt(ctx context.Context, batch []Message) (rest, large []Message) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	began := time.Now()
	l.note(began, l.failing)
	err := l.writer.WriteMessages(ctx, records(batch)...)
	l.metrics.wrote(time.Since(began))
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
			l.written(m)
		case errors.Is(failed, kafka.MessageSizeTooLarge) || errors.Is(failed, kafka.RecordListTooLarge):
			large = append(large, m)
		default:
			rest, why = append(rest, m), failed
		}
	}
	l.note(time.Time{}, describe(rest, why))
	return rest, large
}

// late tells whether the last attempt failed because it took too long.
func (l *lane) late() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Is(l.failing, context.DeadlineExceeded) || errors.Is(l.failing, os.ErrDeadlineExceeded)
}

func (l *lane) written(m Message) {
	l.metrics.written.WithLabelValues(m.Topic).Inc()
	l.room.Release(weight(m))
	if m.Pin != nil {
		m.Pin.Ack()
	}
}

// note takes down when the attempt under way began, and why the last one failed.
func (l *lane) note(asked time.Time, failing error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.failing = asked, failing
}

// ready says in words why the topic cannot be written; nil if it can.
func (l *lane) ready(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failing != nil:
		return l.failing
	case l.large != nil:
		return l.large
	case !l.asked.IsZero() && now.Sub(l.asked) > hesitation:
		return unanswered(l.topic, now.Sub(l.asked))
	}
	return nil
}

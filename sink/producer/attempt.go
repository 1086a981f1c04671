package producer

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// attemptTimeout bounds one attempt, with the lookup of the topic. It is longer than
	// writeTimeout: a write that succeeds after its attempt is given up makes duplicates.
	attemptTimeout = 20 * time.Second
	// unansweredAfter is how long an attempt may be without an answer before the topic
	// is reported as not ready.
	unansweredAfter = 5 * time.Second
	// firstBackoff and maxBackoff are the shortest and longest waits between attempts.
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 5 * time.Second
)

// write tries until every message is written or parked, or ctx is done.
func (q *topicQueue) write(ctx context.Context, batch []Message) {
	batch = q.parkSameKeys(batch)
	for backoff := firstBackoff; len(batch) > 0 && ctx.Err() == nil; backoff = min(2*backoff, maxBackoff) {
		failed, large := q.attempt(ctx, batch)
		q.splitLarge(ctx, large)
		if batch = failed; len(failed) == 0 || ctx.Err() != nil {
			continue
		}
		q.metrics.failures.Inc()
		q.log.Warn("write failed, will try again", "messages", len(failed), "err", q.ready(time.Now()))
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		if half := len(failed) / 2; half > 0 && q.timedOut() { // a slow link may never pass as many in time
			q.write(ctx, failed[:half])
			q.write(ctx, failed[half:])
			return
		}
	}
}

// attempt writes a batch once and acknowledges the messages that were written. It returns
// the others in order: failed are those to try again, large are those that the topic
// refused for their size. The broker refuses all messages of a partition together, so
// perhaps only one of large is too large.
func (q *topicQueue) attempt(ctx context.Context, batch []Message) (failed, large []Message) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	began := time.Now()
	q.update(began, q.failure)
	err := q.writer.WriteMessages(ctx, kafkaMessages(batch)...)
	q.metrics.latency.Observe(time.Since(began).Seconds())
	var each kafka.WriteErrors
	partly := errors.As(err, &each) && len(each) == len(batch)
	var failure error
	for i, m := range batch {
		result := err
		if partly {
			result = each[i]
		}
		switch {
		case result == nil:
			q.written(m)
		case errors.Is(result, kafka.MessageSizeTooLarge) || errors.Is(result, kafka.RecordListTooLarge):
			large = append(large, m)
		default:
			failed, failure = append(failed, m), result
		}
	}
	q.update(time.Time{}, describe(failed, failure))
	return failed, large
}

// timedOut reports whether the last attempt failed because it took too long.
func (q *topicQueue) timedOut() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Is(q.failure, context.DeadlineExceeded) || errors.Is(q.failure, os.ErrDeadlineExceeded)
}

// written counts and acknowledges a message, and returns its part of the budget.
func (q *topicQueue) written(m Message) {
	q.metrics.written.WithLabelValues(m.Topic).Inc()
	q.budget.Release(cost(m))
	if m.Acker != nil {
		m.Acker.Ack()
	}
}

// update stores when the current attempt began and why the last one failed.
func (q *topicQueue) update(began time.Time, failure error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.began, q.failure = began, failure
}

func kafkaMessages(batch []Message) []kafka.Message {
	out := make([]kafka.Message, len(batch))
	for i, m := range batch {
		out[i] = kafka.Message{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers}
	}
	return out
}

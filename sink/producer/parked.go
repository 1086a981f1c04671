package producer

import (
	"context"
	"slices"
	"time"
)

const (
	// maxParked is how many messages may be parked. With as many, the queue takes no
	// further batch until some of them are written.
	maxParked = 100
	// parkedInterval is the time between two attempts to write the parked messages.
	parkedInterval = 2 * time.Second
)

// splitLarge writes messages that were too large together in two halves. It parks a
// message that is too large alone.
func (q *topicQueue) splitLarge(ctx context.Context, large []Message) {
	switch half := len(large) / 2; {
	case len(large) == 1:
		q.metrics.failures.Inc()
		q.parked = append(q.parked, large[0])
	case half > 0:
		q.write(ctx, large[:half])
		q.write(ctx, large[half:])
	}
}

// parkSameKeys parks the messages of a batch whose keys have a parked message already, so
// that messages with the same key stay in order. It returns the other messages. A
// message without a key has no order to keep.
func (q *topicQueue) parkSameKeys(batch []Message) []Message {
	if len(q.parked) == 0 {
		return batch
	}
	var rest []Message
	for _, m := range batch {
		sameKey := func(a Message) bool { return m.Key != nil && string(a.Key) == string(m.Key) }
		if slices.ContainsFunc(q.parked, sameKey) {
			q.parked = append(q.parked, m)
		} else {
			rest = append(rest, m)
		}
	}
	return rest
}

// retryParked tries once to write each parked message, one at a time. It parks again
// those that are still too large.
func (q *topicQueue) retryParked(ctx context.Context) {
	parked := q.parked
	q.parked = nil
	for _, m := range parked {
		q.write(ctx, []Message{m})
	}
}

// updateParkedErr stores why messages are parked, for ready.
func (q *topicQueue) updateParkedErr() {
	err := tooLarge(q.parked)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil && q.parkedErr == nil {
		q.log.Warn("larger than the topic takes: parked, will try again", "messages", len(q.parked), "err", err)
	}
	q.parkedErr = err
}

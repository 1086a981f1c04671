package producer

import (
	"context"
	"slices"
	"time"
)

const (
	// maxParked is how many messages too large for their topic may be parked;
	// beyond it the queue waits for them.
	maxParked = 100
	// parkedEvery is the time between two attempts at those.
	parkedEvery = 2 * time.Second
)

// split writes in halves what was too much together, and parks what is too
// large alone.
func (q *topicQueue) split(ctx context.Context, large []Message) {
	switch half := len(large) / 2; {
	case len(large) == 1:
		q.metrics.failures.Inc()
		q.parked = append(q.parked, large[0])
	case half > 0:
		q.write(ctx, large[:half])
		q.write(ctx, large[half:])
	}
}

// inOrder parks the messages whose keys have one parked: a key's messages
// are written in order. Those without a key have none.
func (q *topicQueue) inOrder(batch []Message) []Message {
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

// retry tries once more what is parked, one by one.
func (q *topicQueue) retry(ctx context.Context) {
	waiting := q.parked
	q.parked = nil
	for _, m := range waiting {
		q.write(ctx, []Message{m})
	}
}

// updateParked notes why messages are parked.
func (q *topicQueue) updateParked() {
	err := tooLarge(q.parked)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil && q.large == nil {
		q.log.Warn("larger than the topic takes: parked, will try again", "messages", len(q.parked), "err", err)
	}
	q.large = err
}

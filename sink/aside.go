package sink

import (
	"context"
	"slices"
	"time"
)

const (
	// maxAside is how many messages too large for their topic may be set aside;
	// beyond it the lane waits for them.
	maxAside = 100
	// asideEvery is the time between two attempts at those.
	asideEvery = 2 * time.Second
)

// split writes in halves what was too much together, and sets aside what is too
// large alone.
func (l *lane) split(ctx context.Context, large []Message) {
	switch half := len(large) / 2; {
	case len(large) == 1:
		l.metrics.failures.Inc()
		l.aside = append(l.aside, large[0])
	case half > 0:
		l.write(ctx, large[:half])
		l.write(ctx, large[half:])
	}
}

// inOrder sets aside the messages whose keys have one set aside: a key's messages
// are written in order. Those without a key have none.
func (l *lane) inOrder(batch []Message) []Message {
	if len(l.aside) == 0 {
		return batch
	}
	var rest []Message
	for _, m := range batch {
		sameKey := func(a Message) bool { return m.Key != nil && string(a.Key) == string(m.Key) }
		if slices.ContainsFunc(l.aside, sameKey) {
			l.aside = append(l.aside, m)
		} else {
			rest = append(rest, m)
		}
	}
	return rest
}

// retry tries once more what is set aside, one by one.
func (l *lane) retry(ctx context.Context) {
	waiting := l.aside
	l.aside = nil
	for _, m := range waiting {
		l.write(ctx, []Message{m})
	}
}

// noteAside takes down why messages are set aside.
func (l *lane) noteAside() {
	err := tooLarge(l.aside)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.large == nil {
		l.log.Warn("set aside, will try again", "messages", len(l.aside), "err", err)
	}
	l.large = err
}

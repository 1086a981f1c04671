package consumer

import (
	"context"
	"time"
)

// backoff is a wait that doubles from 100 ms to 5 s.
type backoff time.Duration

func (b backoff) next() backoff {
	return min(max(2*b, backoff(100*time.Millisecond)), backoff(5*time.Second))
}

// sleep waits, or until ctx is done.
func (b backoff) sleep(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(b)):
	}
}

// Package backoff has the wait between two attempts at something that keeps failing.
package backoff

import (
	"context"
	"time"
)

const (
	first = 100 * time.Millisecond
	// Most is the longest wait that callers use.
	Most = 5 * time.Second
)

// Wait is the wait before the next attempt. It is 0 before the first attempt, then 100 ms,
// and doubles with each failure.
type Wait time.Duration

// Next returns the wait after one more failure. It is at most most.
func (w Wait) Next(most time.Duration) Wait {
	return min(max(2*w, Wait(first)), Wait(most))
}

// Sleep waits, but not longer than until ctx is done.
func (w Wait) Sleep(ctx context.Context) {
	timer := time.NewTimer(time.Duration(w))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

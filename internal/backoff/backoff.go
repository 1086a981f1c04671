// Package backoff has the wait between two attempts at something that keeps failing.
package backoff

import (
	"context"
	"time"
)

const (
	first = 100 * time.Millisecond
	// Most is the longest wait there is.
	Most = 5 * time.Second
)

// Wait doubles from 100 ms to Most. The zero Wait is before the first attempt.
type Wait time.Duration

// Next is the wait after one more failure, no longer than most.
func (w Wait) Next(most time.Duration) Wait {
	return min(max(2*w, Wait(first)), Wait(most))
}

// Sleep waits, or until ctx is done.
func (w Wait) Sleep(ctx context.Context) {
	timer := time.NewTimer(time.Duration(w))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Package await lets a test wait for what other goroutines bring about.
package await

import (
	"fmt"
	"testing"
	"time"
)

const (
	// limit is far above what anything takes, even on a busy machine.
	limit = 30 * time.Second
	// The time between two looks doubles from one to the other: a look may cost much.
	shortestPause = 5 * time.Millisecond
	longestPause  = 100 * time.Millisecond
)

// Until waits until done returns true. After 30 seconds it fails the test with what it was
// waiting for and with what each state returns then.
func Until(t testing.TB, what string, done func() bool, state ...func() any) {
	t.Helper()
	Within(t, limit, what, done, state...)
}

// Within is Until with another limit, for what takes longer.
func Within(t testing.TB, limit time.Duration, what string, done func() bool, state ...func() any) {
	t.Helper()
	pause := shortestPause
	for deadline := time.Now().Add(limit); !done(); time.Sleep(pause) {
		pause = min(2*pause, longestPause)
		if time.Now().Before(deadline) {
			continue
		}
		message := fmt.Sprintf("waited %v in vain for %s", limit, what)
		for _, s := range state {
			message += fmt.Sprintf("; %v", s())
		}
		t.Fatal(message)
	}
}

// Package await lets a test wait for what other goroutines bring about.
package await

import (
	"fmt"
	"testing"
	"time"
)

const (
	// limit is far above what anything takes on a busy machine.
	limit = 30 * time.Second
	// pause is the time between two looks.
	pause = 5 * time.Millisecond
)

// Until waits until done reports true. After 30 seconds it fails the test, says what
// it has waited for, and prints what state gives then.
func Until(t testing.TB, what string, done func() bool, state ...func() any) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(pause) {
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

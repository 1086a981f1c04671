// Package tiny has tests with holes, for the test of scripts/mutate.
package tiny

import "sync"

// Counter counts up to a limit.
type Counter struct {
	mutex sync.Mutex
	n     int
}

// Add counts one more, and reports whether there was room for it.
func (c *Counter) Add(limit int) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.n >= limit {
		return false
	}
	c.n++
	return true
}

// Clear starts anew.
func (c *Counter) Clear() {
	c.n = 0
}

// Wait returns once n is not below 10.
func Wait(n int) int {
	for n < 10 {
		n += 3
	}
	return n
}

package delivery

import (
	"sync"
	"testing"
)

type counter struct{ n int }

func (c *counter) Ack() { c.n++ }

// The Acker is told once, when the last of n is.
func TestAll(t *testing.T) {
	told := &counter{}
	if All(told, 1) != Acker(told) || All(told, 0) != Acker(told) {
		t.Error("one needs no counting")
	}
	both := All(told, 3)
	both.Ack()
	both.Ack()
	if told.n != 0 {
		t.Error("told before the last")
	}
	both.Ack()
	if told.n != 1 {
		t.Errorf("told %d times", told.n)
	}
	many, group := All(told, 100), sync.WaitGroup{}
	for range 100 {
		group.Go(many.Ack)
	}
	group.Wait()
	if told.n != 2 {
		t.Errorf("told %d times", told.n)
	}
}

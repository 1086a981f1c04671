package cascade

import (
	"context"
	"sync/atomic"
)

// users counts what still needs a cascade: its slot, the flows that it has begun, and the
// jobs of its slow stage. Nothing can begin to need it again once nothing does.
type users struct {
	count atomic.Int64
	none  context.Context // done when there are none
	end   context.CancelFunc
}

// newUsers begins with one: the slot.
func newUsers() *users {
	u := &users{}
	u.none, u.end = context.WithCancel(context.Background())
	u.count.Store(1)
	return u
}

// hold adds one, unless there are none any more.
func (u *users) hold() bool {
	for n := u.count.Load(); n > 0; n = u.count.Load() {
		if u.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// add adds one on behalf of another, which is still counted.
func (u *users) add() { u.count.Add(1) }

// leave takes n away.
func (u *users) leave(n int) {
	if u.count.Add(-int64(n)) == 0 {
		u.end()
	}
}

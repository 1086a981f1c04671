package delivery

import "sync/atomic"

// countdown acknowledges to an Acker once it has itself been acknowledged left times.
type countdown struct {
	acker Acker
	left  atomic.Int32
}

// All returns an Acker that tells acker once it has been told n times, from any goroutine.
// It is acker itself where n is 1.
func All(acker Acker, n int) Acker {
	if n <= 1 {
		return acker
	}
	c := &countdown{acker: acker}
	c.left.Store(int32(n))
	return c
}

// Ack counts one acknowledgement.
func (c *countdown) Ack() {
	if c.left.Add(-1) == 0 {
		c.acker.Ack()
	}
}

package partition

import (
	"net"
	"time"
)

// A fetch asks for little at first, and for more as long as that comes at once. On a
// slow link, every byte that the partitions ask for delays heartbeats, commits and
// look-ups; where those time out, the group begins again, for ever.
const (
	leastFetchBytes = 16 << 10
	fastAnswer      = 100 * time.Millisecond
	slowAnswer      = 500 * time.Millisecond
)

// nextFetchBytes is how many bytes to ask for next. The last request asked for asked
// bytes, its answer had size bytes, and those were waited for so long.
func nextFetchBytes(asked, size int, waited time.Duration, most int) int {
	switch {
	case waited > slowAnswer:
		asked /= 2
	case waited < fastAnswer && size >= asked/2:
		asked *= 2
	}
	return min(max(asked, leastFetchBytes), most)
}

// deadlineConn gives each read a deadline of its own: between two reads, whoever takes
// the records may be held back for long.
type deadlineConn struct {
	net.Conn
	timeout time.Duration
	waited  time.Duration // in reads
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	began := time.Now()
	c.SetReadDeadline(began.Add(c.timeout))
	n, err := c.Conn.Read(b)
	c.waited += time.Since(began)
	return n, err
}

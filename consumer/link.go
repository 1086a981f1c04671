package consumer

import (
	"net"
	"time"
)

// A fetch asks for little at first, and for more as long as that comes in no time.
// On a slow link what the partitions ask for stands before every heartbeat, commit
// and lookup; these must not time out, or the group would begin again for ever.
const (
	leastFetch = 16 << 10 // bytes
	soon       = 100 * time.Millisecond
	late       = 500 * time.Millisecond
)

// paced is how much to ask for next, in bytes, where an answer to a request for so
// much had size bytes, and those were waited for so long.
func paced(asked, size int, waited time.Duration, most int) int {
	switch {
	case waited > late:
		asked /= 2
	case waited < soon && size >= asked/2:
		asked *= 2
	}
	return min(max(asked, leastFetch), most)
}

// patient reads from a connection with a deadline for each read: between two of
// them whoever takes the records may be held back for long.
type patient struct {
	net.Conn
	patience time.Duration
	waited   time.Duration // in reads
}

func (p *patient) Read(b []byte) (int, error) {
	began := time.Now()
	p.SetReadDeadline(began.Add(p.patience))
	n, err := p.Conn.Read(b)
	p.waited += time.Since(began)
	return n, err
}

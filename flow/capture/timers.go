package capture

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Zeek's timeouts, in microseconds.
const (
	tcpIdle      = 300e6  // silence of a TCP connection after the handshake
	otherIdle    = 60e6   // silence of all others, and of TCP before that
	loginIdle    = 3600e6 // silence of a TCP connection to a login service
	synTimeout   = 5e6    // until the first check whether a TCP connection is over
	sessionTimer = 6e6    // between further checks
	linger       = 5e6    // silence that such a check requires
	attemptDelay = 5e6    // for the answer to a SYN
	closeDelay   = 5e6    // after both sides closed
	dnsTimeout   = 10e6   // silence after a DNS exchange
	never        = math.MaxInt64
)

// A connection's deadlines.
const (
	dExpire     = iota // check whether it is over
	dHalfClosed        // the same, after one side closed
	dAttempt           // the SYN got no answer
	dDelete            // it closed a while ago
	dIdle              // silence
	dDNS               // silence after a DNS exchange
	numDeadlines
)

// updateDue finds the next of the connection's deadlines, and reports whether that has
// changed.
func (c *conn) updateDue() bool {
	before := c.due
	c.due = slices.Min(c.deadlines[:])
	return c.due != before
}

// setIdle sets the silence, in microseconds, after which the connection is forgotten.
func (c *conn) setIdle(idle int64) {
	if c.idle != idle {
		c.idle, c.deadlines[dIdle] = idle, c.last+idle
	}
}

// fire handles the deadline that is due at network time now. It reports whether the
// connection must be forgotten; if not, it sets the next deadline.
func (c *conn) fire(now int64) (forget bool) {
	which := slices.Index(c.deadlines[:], c.due)
	c.deadlines[which] = never
	switch which {
	case dExpire, dHalfClosed:
		return !c.tcp.aborted && c.isOver(which, now)
	case dAttempt:
		o := c.tcp.orig.phase
		return !c.tcp.aborted && (o == synSent || o == synAckSent) && c.tcp.resp.phase == inactive
	case dDelete:
		return true
	case dIdle:
		c.deadlines[dIdle] = c.last + c.idle
		return c.last+c.idle <= now
	default: // dDNS: a second less, so that one check is enough for a question and its answer
		c.deadlines[dDNS] = now + dnsTimeout
		return now-c.last >= dnsTimeout-1e6
	}
}

// isOver reports whether a TCP connection is over, although it was not closed by both sides
// as it should.
func (c *conn) isOver(which int, now int64) bool {
	c.deadlines[which] = now + sessionTimer
	o, r := c.tcp.orig, c.tcp.resp
	if c.last+linger >= now {
		return false
	}
	either := o.phase == reset || r.phase == reset || o.phase == inactive || r.phase == inactive
	if (o.didClose && r.didClose) || (o.didClose || r.didClose) && either {
		return true
	}
	return o.phase == inactive && r.phase == inactive
}

// setFirst sets the deadlines of a connection that opens at network time now.
func (c *conn) setFirst(now int64) {
	for i := range c.deadlines {
		c.deadlines[i] = never
	}
	c.setIdle(otherIdle)
	switch c.key.proto {
	case zeek.TCP:
		c.deadlines[dExpire] = now + synTimeout
	case zeek.UDP:
		switch c.resp.addr.Port() {
		case 53, 137, 5353, 5355:
			c.deadlines[dDNS] = now + dnsTimeout
		}
	}
}

// setLogin sets a longer time of silence for connections to a login service.
func (c *conn) setLogin() {
	port := c.resp.addr.Port()
	if c.tcp.orig.phase == inactive && !likelyServer(zeek.TCP, port) && likelyServer(zeek.TCP, c.orig.addr.Port()) {
		port = c.orig.addr.Port()
	}
	switch port {
	case 21, 22, 23, 513:
		c.setIdle(loginIdle)
	}
}

// timers is a heap of connections by their next deadline, then by age.
type timers []*conn

var _ heap.Interface = (*timers)(nil)

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(t[i].due, t[j].due), cmp.Compare(t[i].order, t[j].order)) < 0
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].heapIndex, t[j].heapIndex = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	c := x.(*conn)
	c.heapIndex = len(*t)
	*t = append(*t, c)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := len(*t) - 1
	c := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return c
}

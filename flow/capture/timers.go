package capture

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Zeek's times, microseconds.
const (
	tcpIdle      = 300e6 // silence, once the handshake is over
	otherIdle    = 60e6  // silence: UDP, ICMP, others, and TCP until then
	loginIdle    = 3600e6
	synTimeout   = 5e6 // first look whether a TCP connection is over
	sessionTimer = 6e6 // further looks
	linger       = 5e6 // silence after a close that such a look asks for
	attemptDelay = 5e6 // a SYN without an answer
	closeDelay   = 5e6 // after both sides closed
	dnsTimeout   = 10e6
	never        = math.MaxInt64
)

// A connection's deadlines.
const (
	dExpire     = iota // look whether it is over
	dHalfClosed        // the same, since one side closed
	dAttempt           // the SYN stayed unanswered
	dDelete            // it closed a while ago
	dIdle              // silence
	dDNS               // silence after a DNS exchange
	numDeadlines
)

// arm finds the next of the connection's deadlines, and reports whether that
// changed.
func (c *conn) arm() bool {
	before := c.due
	c.due = slices.Min(c.deadlines[:])
	return c.due != before
}

// setIdle gives the connection another time of silence.
func (c *conn) setIdle(idle int64) {
	if c.idle != idle {
		c.idle, c.deadlines[dIdle] = idle, c.last+idle
	}
}

// fire answers the deadline that is due at network time now: it reports whether
// the connection is to be forgotten, or sets the next deadline.
func (c *conn) fire(now int64) (forget bool) {
	which := slices.Index(c.deadlines[:], c.due)
	c.deadlines[which] = never
	switch which {
	case dExpire, dHalfClosed:
		return !c.tcp.aborted && c.look(which, now)
	case dAttempt:
		o := c.tcp.orig.phase
		return !c.tcp.aborted && (o == synSent || o == synAckSent) && c.tcp.resp.phase == inactive
	case dDelete:
		return true
	case dIdle:
		c.deadlines[dIdle] = c.last + c.idle
		return c.last+c.idle <= now
	default: // dDNS: a second less, so that one question and answer take one look
		c.deadlines[dDNS] = now + dnsTimeout
		return now-c.last >= dnsTimeout-1e6
	}
}

// look reports whether a TCP connection is over though no close was seen whole.
func (c *conn) look(which int, now int64) bool {
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

// setFirst sets the deadlines of a new connection at network time now.
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

// setLogin gives an established connection to a login service more time.
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

// timers holds connections by their next deadline, then by age.
type timers []*conn

var _ heap.Interface = (*timers)(nil)

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(t[i].due, t[j].due), cmp.Compare(t[i].order, t[j].order)) < 0
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}

// Push is heap.Interface's.
func (t *timers) Push(x any) {
	c := x.(*conn)
	c.place = len(*t)
	*t = append(*t, c)
}

// Pop is heap.Interface's.
func (t *timers) Pop() any {
	last := len(*t) - 1
	c := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return c
}

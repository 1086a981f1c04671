// Package faultproxy puts a bad network between a Kafka client and a broker: a TCP
// proxy for tests which delays, throttles, loses or resets what it forwards, and
// knows enough of Kafka's protocol to do so to some requests alone.
package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy forwards connections to one broker's plaintext listener. A client stays
// with the proxy only if the broker advertises the proxy's address.
type Proxy struct {
	// Addr is where clients connect to, "127.0.0.1:port".
	Addr string

	t      testing.TB
	target atomic.Pointer[string]
	faults atomic.Pointer[Faults]
	up     meter
	down   meter

	mu    sync.Mutex
	conns map[*pair]struct{}
	done  bool
	work  sync.WaitGroup
}

// Start listens on a free port of 127.0.0.1 until the test ends. Connections are
// reset until Forward has named the broker: its configuration may need Addr first.
func Start(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	p := &Proxy{Addr: l.Addr().String(), t: t, conns: make(map[*pair]struct{})}
	p.faults.Store(&Faults{})
	p.work.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.done = true
		p.mu.Unlock()
		p.ResetAll()
		p.work.Wait()
	})
	return p
}

// Forward names the broker's address.
func (p *Proxy) Forward(target string) { p.target.Store(&target) }

// Set replaces the faults, for open connections too.
func (p *Proxy) Set(f Faults) { p.faults.Store(&f) }

// Mend ends all faults.
func (p *Proxy) Mend() { p.Set(Faults{}) }

// ResetAll resets every open connection, as a router does that was restarted.
func (p *Proxy) ResetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return // closed
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// serve forwards one connection until either side ends it.
func (p *Proxy) serve(client net.Conn) {
	broker, err := p.dial()
	if err != nil {
		reset(client)
		return
	}
	c := &pair{client: client, broker: broker, ended: make(chan struct{})}
	if !p.add(c) {
		c.reset()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { newPipe(p, c, &p.down).answers() })
	both.Go(func() { newPipe(p, c, &p.up).requests() })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *Proxy) dial() (net.Conn, error) {
	target := p.target.Load()
	if target == nil {
		return nil, net.ErrClosed
	}
	return net.Dial("tcp", *target)
}

// add keeps a connection; false once the proxy has stopped.
func (p *Proxy) add(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.conns[c] = struct{}{}
	}
	return !p.done
}

// Package faultproxy is a bad network in front of a Kafka broker. It is a TCP proxy for
// tests that delays, throttles, loses or resets the bytes that it forwards. It
// knows Kafka's request headers, so it can do that to some kinds of requests only.
package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy forwards connections to the plaintext listener of one broker. A client keeps
// using the proxy only if the broker advertises the proxy's address.
type Proxy struct {
	// Addr is the address for clients, "127.0.0.1:port".
	Addr string

	t      testing.TB
	target atomic.Pointer[string]
	faults atomic.Pointer[Faults]
	up     rateLimiter
	down   rateLimiter

	mu    sync.Mutex
	conns map[*connPair]struct{}
	done  bool
	work  sync.WaitGroup
}

// Start starts a proxy on a free port of 127.0.0.1; it ends with the test. It resets
// every connection until Forward is called: the broker's configuration may need Addr
// before the broker has an address.
func Start(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("faultproxy: %v", err)
	}
	p := &Proxy{Addr: l.Addr().String(), t: t, conns: make(map[*connPair]struct{})}
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

// Forward sets the broker's address, host:port.
func (p *Proxy) Forward(target string) { p.target.Store(&target) }

// Set replaces the faults. They apply to open connections too.
func (p *Proxy) Set(f Faults) { p.faults.Store(&f) }

// Mend removes all faults.
func (p *Proxy) Mend() { p.Set(Faults{}) }

// ResetAll resets every open connection, like a router after its restart.
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

// serve forwards one connection until one side ends it.
func (p *Proxy) serve(client net.Conn) {
	broker, err := p.dial()
	if err != nil {
		reset(client)
		return
	}
	c := &connPair{client: client, broker: broker, ended: make(chan struct{})}
	if !p.add(c) {
		c.reset()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { newPipe(&p.faults, c, &p.down).forwardResponses() })
	both.Go(func() { newPipe(&p.faults, c, &p.up).forwardRequests() })
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

// add registers a connection. It returns false after the proxy has stopped.
func (p *Proxy) add(c *connPair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		p.conns[c] = struct{}{}
	}
	return !p.done
}

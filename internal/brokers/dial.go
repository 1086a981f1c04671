package brokers

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Dial connects to one broker, address host:port, or to the first that answers where
// the address is Addr's: over TLS and logged in, where the settings say so, and never
// otherwise. Requests can be written to the connection at once; it has no deadline.
// Where the broker does not let us in, or we not it, the error is a *Fault.
func (c *Cluster) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if address != anyBroker {
		return c.dial(ctx, network, address)
	}
	for at, addr := range c.inTurn() {
		if conn, err = c.dial(ctx, network, addr); err == nil {
			c.answered.Store(int64(at))
			return conn, nil
		}
	}
	return nil, err
}

// inTurn gives the addresses to begin at, that which answered last first: one that
// hangs costs a timeout, and kafka-go left to choose would choose it again.
func (c *Cluster) inTurn() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		first := int(c.answered.Load())
		for i := range c.addrs {
			if at := (first + i) % len(c.addrs); !yield(at, c.addrs[at]) {
				return
			}
		}
	}
}

func (c *Cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	way, err := c.enter(ctx, conn, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return way, nil
}

// enter does what comes before the first request.
func (c *Cluster) enter(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if c.certs != nil {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		secret := tls.Client(conn, c.certs.config(host))
		if err := secret.HandshakeContext(ctx); err != nil {
			return nil, stuck(address, "TLS", tlsFault(address, err))
		}
		conn = secret
	}
	first := &asking{Conn: conn, addr: address, tls: c.certs != nil, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID))}
	var err error
	if c.login != nil {
		err = c.login.do(ctx, first)
	} else {
		err = first.greet()
	}
	if err != nil {
		return nil, stuck(address, "the first request", silence(address, &c.security, err))
	}
	return conn, nil
}

// stuck says at what a broker hung, where it did.
func stuck(addr, at string, err error) error {
	if hung(err) {
		return fmt.Errorf("broker %s: no answer to %s in time: %w", addr, at, err)
	}
	return err
}

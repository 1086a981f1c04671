package brokers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Dial connects to the broker at address, host:port; where address is Addr's,
// to the first broker that answers. TLS and login are done as the settings say.
// The connection is ready for requests and has no deadline. The error is a *Fault where
// the broker refuses this client, or this client does not trust the broker.
func (c *Cluster) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if address != anyBroker {
		return c.dial(ctx, network, address)
	}
	for at, addr := range c.addrsFromLastGood() {
		if conn, err = c.dial(ctx, network, addr); err == nil {
			c.lastGood.Store(int64(at))
			return conn, nil
		}
	}
	return nil, err
}

// addrsFromLastGood yields the bootstrap addresses with their indexes, and begins with
// the broker that answered last. A broker that hangs costs a timeout; kafka-go chooses
// at random and would choose it again and again.
func (c *Cluster) addrsFromLastGood() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		first := int(c.lastGood.Load())
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
		return nil, c.unresolved(address, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	ready, err := c.handshake(ctx, conn, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return ready, nil
}

// unresolved says what to do where a broker's name has no address on this machine; it
// returns any other error as it is. A name that the settings do not list is one that a
// broker advertises.
func (c *Cluster) unresolved(address string, err error) error {
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		return err
	}
	mend := "mend the name in SERVEFLOW_BROKERS, or make it resolve on this machine"
	if !slices.Contains(c.addrs, address) {
		mend = "it is what the broker advertises: mend its advertised.listeners, or make the name resolve on this machine; serveflow doctor shows what each broker advertises"
	}
	return &Fault{Unresolved, address, "its name has no address", mend, err}
}

// handshake does TLS and login, or checks that the broker wants neither. It returns the
// connection to send requests on.
func (c *Cluster) handshake(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if c.certs != nil {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		tlsConn := tls.Client(conn, c.certs.forHost(host))
		if err := tlsConn.HandshakeContext(ctx); err != nil {
			return nil, timeoutError(address, "TLS", c.explain(address, err, tlsFault))
		}
		conn = tlsConn
	}
	h := &handshake{conn: conn, addr: address, tls: c.certs != nil, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID))}
	var err error
	if c.login != nil {
		err = c.login.authenticate(ctx, h)
	} else {
		err = h.checkAccess()
	}
	if err != nil {
		return nil, timeoutError(address, "the first request", c.explain(address, err, c.closedEarly))
	}
	c.answered.Store(address, true)
	return conn, nil
}

// explain says why a broker closed a connection, by why where it has not taken this client
// yet: then the settings may be wrong. Later it means that the broker went away.
func (c *Cluster) explain(addr string, err error, why func(addr string, err error) error) error {
	if _, answered := c.answered.Load(addr); answered && connectionClosed(err) {
		return fmt.Errorf("broker %s closed the connection: it is going down, or is not up yet; if that lasts, look in its log: %w", addr, err)
	}
	return why(addr, err)
}

// timeoutError names the step at which a broker did not answer; it returns any other
// error as it is.
func timeoutError(addr, at string, err error) error {
	if timedOut(err) {
		return fmt.Errorf("broker %s: no answer to %s in time: %w", addr, at, err)
	}
	return err
}

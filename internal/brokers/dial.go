package brokers

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Dial connects to one broker, address host:port: over TLS and logged in, where the
// settings say so, and never otherwise. Requests can be written to the connection at
// once; it has no deadline. Where the broker does not let us in, or we not it, the
// error is a *Fault.
func (c *Cluster) Dial(ctx context.Context, network, address string) (net.Conn, error) {
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
	first := &unheard{Conn: conn, addr: address, tls: c.certs != nil}
	ask := c.greet
	if c.login != nil {
		ask = c.login.do
	}
	wire := protocol.NewConn(first, c.clientID)
	wire.SetVersions(map[protocol.ApiKey]int16{protocol.SaslHandshake: 1, protocol.Metadata: 1})
	if err := ask(ctx, wire, address); err != nil {
		return nil, stuck(address, "the first request", silence(address, &c.security, err))
	}
	return conn, nil
}

// greet asks for the brokers and no topic. Only a broker that lets us in answers:
// one that wants a login closes here, and TLS 1.3 refuses our certificate here.
func (c *Cluster) greet(_ context.Context, wire *protocol.Conn, _ string) error {
	_, err := wire.RoundTrip(&metadata.Request{TopicNames: []string{}})
	return err
}

// stuck says at what a broker hung, where it did.
func stuck(addr, at string, err error) error {
	if hung(err) {
		return fmt.Errorf("broker %s: no answer to %s in time: %w", addr, at, err)
	}
	return err
}

// unheard is a connection whose broker has not said a word yet.
type unheard struct {
	net.Conn
	addr  string
	tls   bool
	heard bool
}

// Read is the connection's; it knows TLS where plaintext was to be spoken.
func (u *unheard) Read(b []byte) (n int, err error) {
	n, err = u.Conn.Read(b)
	if !u.heard && !u.tls && alert(b[:n]) {
		return 0, wantsTLS(u.addr, fmt.Errorf("it answers with a TLS alert, % x", b[:n]))
	}
	u.heard = true
	return n, err
}

// alert tells a TLS alert from the size that begins a Kafka answer.
func alert(b []byte) bool { return len(b) >= 2 && b[0] == 0x15 && b[1] == 0x03 }

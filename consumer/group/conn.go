package group

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// reconnectingConn is kafka-go's connection to the group's coordinator. Where it breaks,
// a new one is made, and what has no answer is asked again if asking twice does no harm.
// Without it, one broken connection would end a generation, because kafka-go takes a
// failed heartbeat for that: every open flow would be dropped and read again.
//
// As in kafka-go, at most one goroutine reads and one writes.
type reconnectingConn struct {
	dial func(context.Context) (net.Conn, error)
	ctx  context.Context // done when the connection is closed
	stop context.CancelFunc

	partial []byte // of a request that is not written whole
	prefix  []byte // of an answer: its size, as far as it is not read yet
	left    int    // bytes of that answer that are not read yet

	mu            sync.Mutex
	conn          net.Conn
	unanswered    [][]byte // requests, oldest first
	readDeadline  time.Time
	writeDeadline time.Time
}

func newReconnectingConn(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &reconnectingConn{dial: dial, conn: conn}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Write sends requests. A break may show only where the answer is read.
func (c *reconnectingConn) Write(b []byte) (int, error) {
	c.partial = append(c.partial, b...)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.partial) >= sizeBytes {
		size := sizeBytes + int(binary.BigEndian.Uint32(c.partial))
		if len(c.partial) < size {
			break
		}
		whole := append([]byte(nil), c.partial[:size]...)
		c.partial = c.partial[size:]
		c.unanswered = append(c.unanswered, whole)
		if _, err := c.conn.Write(whole); err != nil && !c.canReconnect(err) {
			return 0, err
		}
	}
	return len(b), nil
}

// Read gives answers, each from its beginning to its end over one connection.
func (c *reconnectingConn) Read(b []byte) (n int, err error) {
	if len(c.prefix) == 0 && c.left == 0 {
		if err := c.beginAnswer(); err != nil {
			return 0, err
		}
	}
	if len(c.prefix) > 0 {
		n = copy(b, c.prefix)
		c.prefix = c.prefix[n:]
		return n, nil
	}
	n, err = c.current().Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// beginAnswer waits for an answer and reads its size.
func (c *reconnectingConn) beginAnswer() error {
	size := make([]byte, sizeBytes)
	_, err := io.ReadFull(c.current(), size)
	for tries := 3; err != nil && tries > 0; tries-- {
		if err := c.reconnect(err); err != nil {
			return err
		}
		_, err = io.ReadFull(c.current(), size)
	}
	if err != nil {
		return err
	}
	c.prefix, c.left = size, int(binary.BigEndian.Uint32(size))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered = c.unanswered[min(1, len(c.unanswered)):]
	return nil
}

// reconnect asks over a new connection what has no answer, after the old one failed.
func (c *reconnectingConn) reconnect(failed error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.canReconnect(failed) {
		return failed
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.readDeadline)
	defer cancel()
	conn, err := c.dial(ctx)
	if err != nil {
		return failed
	}
	c.conn.Close()
	c.conn = conn
	conn.SetReadDeadline(c.readDeadline)
	conn.SetWriteDeadline(c.writeDeadline)
	for _, request := range c.unanswered {
		if _, err := conn.Write(request); err != nil {
			return nil // the next read says so
		}
	}
	return nil
}

// canReconnect reports whether a new connection may help: a broker that does not answer
// in time would not answer over a new one either.
func (c *reconnectingConn) canReconnect(err error) bool {
	if c.ctx.Err() != nil || c.readDeadline.IsZero() || errors.Is(err, os.ErrDeadlineExceeded) || len(c.unanswered) == 0 {
		return false
	}
	for _, request := range c.unanswered {
		if len(request) < sizeBytes+2 || !repeatable(int16(binary.BigEndian.Uint16(request[sizeBytes:]))) {
			return false
		}
	}
	return true
}

// sizeBytes is how many bytes the size of a request or answer takes. The API's key
// follows it.
const sizeBytes = 4

// repeatable reports whether a request may be sent twice. A member that joined twice
// would be two members.
func repeatable(key int16) bool {
	return key == int16(kmsg.Heartbeat) || key == int16(kmsg.Metadata)
}

func (c *reconnectingConn) current() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

func (c *reconnectingConn) Close() error {
	c.stop() // ends an attempt to connect
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.Close()
}

func (c *reconnectingConn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readDeadline = at
	return c.conn.SetReadDeadline(at)
}

func (c *reconnectingConn) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeDeadline = at
	return c.conn.SetWriteDeadline(at)
}

func (c *reconnectingConn) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

func (c *reconnectingConn) LocalAddr() net.Addr  { return c.current().LocalAddr() }
func (c *reconnectingConn) RemoteAddr() net.Addr { return c.current().RemoteAddr() }

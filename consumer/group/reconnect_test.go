package group

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pipes is a reconnecting connection over pipes, for a bubble of synctest: the broker's end
// of each comes by the channel.
type pipes struct {
	conn   net.Conn
	broker chan net.Conn
	dialed int
	fails  error // of the next attempt to connect; nil: it succeeds
	near   []*closable
}

// closable is a connection that tells whether it was closed.
type closable struct {
	net.Conn
	closed atomic.Bool
}

func (c *closable) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func newPipes(t *testing.T) *pipes {
	p := &pipes{broker: make(chan net.Conn, 10)}
	conn, err := newReconnectingConn(t.Context(), p.dial)
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { conn.Close() })
	return p
}

func (p *pipes) dial(context.Context) (net.Conn, error) {
	if p.dialed++; p.fails != nil {
		return nil, p.fails
	}
	near, far := net.Pipe()
	p.broker <- far
	p.near = append(p.near, &closable{Conn: near})
	return p.near[len(p.near)-1], nil
}

// failing reads from the connection until that fails.
func failing(conn io.Reader) error {
	for b := make([]byte, 100); ; {
		if n, err := conn.Read(b); err != nil && n > 0 {
			return fmt.Errorf("%d bytes that were not read, and %v", n, err)
		} else if err != nil {
			return err
		}
	}
}

var beat, answer = framed(kmsg.Heartbeat, "beat"), framed(-1, "answer")

// A buffer may hold several requests, or a part of one, and so may one for answers.
func TestRequestsInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		far := <-p.broker
		lookup := framed(kmsg.Metadata, "lookup")
		all := append(bytes.Clone(beat), lookup...)
		go func() {
			p.conn.Write(all[:len(beat)+2])
			p.conn.Write(all[len(beat)+2 : len(beat)+4])
			p.conn.Write(all[len(beat)+4:])
		}()
		take(t, far, all)
		go far.Write(append(bytes.Clone(answer), answer...))
		take(t, iotest.OneByteReader(p.conn), append(bytes.Clone(answer), answer...))
		far.Close()
		if err := failing(p.conn); !errors.Is(err, io.EOF) || p.dialed != 1 {
			t.Errorf("%v; connected %d times, and everything has its answer", err, p.dialed)
		}
	})
}

// A connection that is made anew has the deadlines of the old one, which is closed.
func TestNewConnectionsHaveTheDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		began := time.Now()
		p.conn.SetReadDeadline(began.Add(10 * time.Second))
		p.conn.SetWriteDeadline(began.Add(3 * time.Second))
		far := <-p.broker
		go p.conn.Write(beat)
		take(t, far, beat)
		far.Close()
		// Nobody reads over the new connection: writing fails after three seconds, and the
		// answer is waited for until the tenth.
		if err := failing(p.conn); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != 10*time.Second || p.dialed != 2 || !p.near[0].closed.Load() {
			t.Errorf("after %v, connected %d times; the first connection is closed: %t", took, p.dialed, p.near[0].closed.Load())
		}
	})
}

// Three new connections are tried for an answer.
func TestConnectionsThatBreakAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		go func() {
			for range 4 {
				far := <-p.broker
				io.ReadFull(far, make([]byte, len(beat)))
				far.Close()
			}
		}()
		p.conn.Write(beat)
		if err := failing(p.conn); !errors.Is(err, io.EOF) || p.dialed != 4 {
			t.Errorf("%v; connected %d times", err, p.dialed)
		}
	})
}

// Where no new connection can help, there is none.
func TestNoNewConnection(t *testing.T) {
	for name, test := range map[string]struct {
		request []byte
		before  func(*pipes)
		dialed  int
	}{
		"nothing was asked":            {nil, func(*pipes) {}, 1},
		"a join after a heartbeat":     {append(bytes.Clone(beat), framed(kmsg.JoinGroup, "join")...), func(*pipes) {}, 1},
		"a request that is none":       {[]byte{0, 0, 0, 1, 0}, func(*pipes) {}, 1},
		"there is no deadline":         {beat, func(p *pipes) { p.conn.SetDeadline(time.Time{}) }, 1},
		"the broker cannot be reached": {beat, func(p *pipes) { p.fails = errors.New("no route") }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes(t)
				far := <-p.broker
				go p.conn.Write(test.request)
				take(t, far, test.request)
				test.before(p)
				far.Close()
				if err := failing(p.conn); !errors.Is(err, io.EOF) || p.dialed != test.dialed {
					t.Errorf("%v; connected %d times, want %d", err, p.dialed, test.dialed)
				}
			})
		})
	}
}

// A request that cannot be written fails where it must not be repeated; else its answer is
// waited for over a new connection.
func TestWritesOverABrokenConnection(t *testing.T) {
	for name, test := range map[string]struct {
		request []byte
		fails   bool
	}{
		"a heartbeat": {beat, false},
		"a join":      {framed(kmsg.JoinGroup, "join"), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes(t)
				(<-p.broker).Close()
				n, err := p.conn.Write(test.request)
				if test.fails {
					if n != 0 || !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("%d bytes, %v", n, err)
					}
					return
				}
				if n != len(test.request) || err != nil {
					t.Fatalf("%d bytes, %v", n, err)
				}
				go func() {
					far := <-p.broker
					take(t, far, beat)
					far.Write(answer)
				}()
				take(t, p.conn, answer)
			})
		})
	}
}

// Closing ends an attempt to connect, and so does the deadline.
func TestAttemptsToConnectEnd(t *testing.T) {
	for name, test := range map[string]struct {
		closed time.Duration // when the connection is closed
		want   time.Duration
	}{
		"closed":   {time.Second, time.Second},
		"deadline": {time.Hour, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				first := true
				conn, err := newReconnectingConn(t.Context(), func(ctx context.Context) (net.Conn, error) {
					if first {
						first = false
						return near, nil
					}
					<-ctx.Done()
					return nil, ctx.Err()
				})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				conn.SetDeadline(began.Add(10 * time.Second))
				go conn.Write(beat)
				take(t, far, beat)
				far.Close()
				timer := time.AfterFunc(test.closed, func() { conn.Close() })
				if err := failing(conn); !errors.Is(err, io.EOF) || time.Since(began) != test.want {
					t.Errorf("%v after %v, want %v", err, time.Since(began), test.want)
				}
				timer.Stop()
				synctest.Wait()
				conn.Close()
			})
		})
	}
}

func TestNobodyToConnectTo(t *testing.T) {
	refused := errors.New("refused")
	conn, err := newReconnectingConn(t.Context(), func(context.Context) (net.Conn, error) { return nil, refused })
	if conn != nil || !errors.Is(err, refused) {
		t.Errorf("%v, %v", conn, err)
	}
}

// The addresses are those of the connection that is in use.
func TestAddresses(t *testing.T) {
	conn, broker := reconnectingPair(t)
	far := <-broker
	if conn.LocalAddr().String() != far.RemoteAddr().String() || conn.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("from %v to %v", conn.LocalAddr(), conn.RemoteAddr())
	}
}

package group

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// framed is a request of an API, or an answer where key is that of none.
func framed(key kmsg.Key, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(2+len(body)))
	return append(binary.BigEndian.AppendUint16(b, uint16(key)), body...)
}

// take reads one request or answer.
func take(t *testing.T, from io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// reconnectingPair is a reconnecting connection, and the broker's ends of those that it makes.
func reconnectingPair(t *testing.T) (conn net.Conn, broker chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broker = make(chan net.Conn, 10)
	go func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			broker <- c
		}
	}()
	conn, err = newReconnectingConn(t.Context(), func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		listener.Close()
	})
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn, broker
}

// What has no answer when a connection breaks is asked again, and nothing else is.
func TestReconnectingAsksAgain(t *testing.T) {
	conn, broker := reconnectingPair(t)
	answer := framed(-1, "answer")
	first, beat, lookup := framed(kmsg.JoinGroup, "join"), framed(kmsg.Heartbeat, "beat"), framed(kmsg.Metadata, "lookup")
	conn.Write(first[:3]) // as a buffer that runs full would have it
	conn.Write(first[3:])
	conn.Write(beat)
	conn.Write(lookup)
	far := <-broker
	take(t, far, first)
	take(t, far, beat)
	far.Write(answer)
	take(t, conn, answer)
	far.Close()

	go func() {
		far := <-broker
		far.Close() // and the next one breaks, too
		far = <-broker
		want := append(bytes.Clone(beat), lookup...)
		got := make([]byte, len(want))
		if io.ReadFull(far, got); bytes.Equal(got, want) {
			far.Write(append(framed(-1, "beat's"), framed(-1, "lookup's")...))
		}
		far.Close()
	}()
	take(t, conn, framed(-1, "beat's"))
	take(t, conn, framed(-1, "lookup's"))
}

// A join is not asked twice, half an answer is not completed by another, and a broker
// that does not answer is not asked elsewhere.
func TestReconnectingGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		request []byte
		far     func(net.Conn)
	}{
		"a join":         {framed(kmsg.JoinGroup, "join"), func(far net.Conn) { far.Close() }},
		"half an answer": {framed(kmsg.Heartbeat, "beat"), func(far net.Conn) { far.Write(framed(-1, "beat's")[:7]); far.Close() }},
		"no answer":      {framed(kmsg.Heartbeat, "beat"), func(net.Conn) {}},
		"closed":         {framed(kmsg.Heartbeat, "beat"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn, broker := reconnectingPair(t)
			far := <-broker
			conn.Write(c.request)
			take(t, far, c.request)
			if c.far == nil {
				time.AfterFunc(50*time.Millisecond, func() { conn.Close() })
			} else {
				conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				c.far(far)
			}
			var err error
			for b := make([]byte, 100); err == nil; {
				_, err = conn.Read(b)
			}
			if name == "closed" && !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v, want %v", err, net.ErrClosed)
			}
			if len(broker) > 0 {
				t.Error("it connected again")
			}
		})
	}
}

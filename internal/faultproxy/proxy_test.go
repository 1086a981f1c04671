package faultproxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// request encodes a Kafka request: length, API key, body.
func request(key int, body string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(2+len(body)))
	return append(binary.BigEndian.AppendUint16(out, uint16(key)), body...)
}

// newEchoProxy starts a proxy in front of a server that sends back what it receives.
func newEchoProxy(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	p := Start(t)
	p.Forward(l.Addr().String())
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request and reads as many bytes back.
func ask(c net.Conn, req []byte, timeout time.Duration) ([]byte, error) {
	if _, err := c.Write(req); err != nil {
		return nil, err
	}
	c.SetReadDeadline(time.Now().Add(timeout))
	answer := make([]byte, len(req))
	_, err := io.ReadFull(c, answer)
	return answer, err
}

const (
	long  = 30 * time.Second
	short = 100 * time.Millisecond
)

func mustAnswer(t *testing.T, c net.Conn, req []byte) {
	t.Helper()
	if answer, err := ask(c, req, long); err != nil || !bytes.Equal(answer, req) {
		t.Fatalf("%d bytes came back of %d: %v", len(answer), len(req), err)
	}
}

func mustHang(t *testing.T, c net.Conn, req []byte) {
	t.Helper()
	if _, err := ask(c, req, short); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("want no answer, got %v", err)
	}
}

func mustReset(t *testing.T, c net.Conn, req []byte) {
	t.Helper()
	if _, err := ask(c, req, long); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("want a reset, got %v", err)
	}
}

func TestForwardsWhole(t *testing.T) {
	c := dial(t, newEchoProxy(t))
	mustAnswer(t, c, request(3, "small"))
	mustAnswer(t, c, request(Produce, string(bytes.Repeat([]byte("large "), 100_000))))
	mustAnswer(t, c, request(18, ""))
}

func TestDelayAndRateTakeTheirTime(t *testing.T) {
	p := newEchoProxy(t)
	c := dial(t, p)
	for _, f := range []Faults{{Delay: 60 * time.Millisecond, Jitter: 10 * time.Millisecond}, {Rate: 100_000}} {
		p.Set(f)
		began := time.Now()
		mustAnswer(t, c, request(3, string(make([]byte, 9_994))))
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("%+v: there and back in %v", f, took)
		}
	}
}

// A connection that has lost bytes stays dead; after Mend a new one works.
func TestBlackHole(t *testing.T) {
	for _, f := range []Faults{BlackHole(), {DropRequests: true}, {DropResponses: true}} {
		p := newEchoProxy(t)
		before, idle := dial(t, p), dial(t, p)
		mustAnswer(t, before, request(3, "before"))
		mustAnswer(t, idle, request(3, "before"))
		p.Set(f)
		mustHang(t, before, request(3, "open before"))
		mustHang(t, dial(t, p), request(3, "opened meanwhile"))
		p.Mend()
		mustHang(t, before, request(3, "dead"))
		mustAnswer(t, idle, request(3, "lost nothing"))
		mustAnswer(t, dial(t, p), request(3, "new"))
	}
}

func TestSomeRequestsAlone(t *testing.T) {
	p := newEchoProxy(t)
	p.Set(Faults{Keys: []int{Produce}})
	fetches, produces := dial(t, p), dial(t, p)
	mustAnswer(t, fetches, request(1, "fetch"))
	mustHang(t, produces, request(Produce, "records"))
	p.Set(Faults{Keys: []int{Produce}, Reset: true})
	mustAnswer(t, fetches, request(1, "fetch"))
	mustReset(t, dial(t, p), request(Produce, "records"))
	p.Mend()
	mustAnswer(t, dial(t, p), request(Produce, "records"))
}

func TestResets(t *testing.T) {
	p := newEchoProxy(t)
	c := dial(t, p)
	mustAnswer(t, c, request(3, "before"))
	p.ResetAll()
	mustReset(t, c, request(3, "after"))
	mustAnswer(t, dial(t, p), request(3, "anew"))

	if c, err := net.Dial("tcp", Start(t).Addr); err == nil { // a reset may come as soon as that
		defer c.Close()
		mustReset(t, c, request(3, "forwarded to nobody"))
	}
}

package consumer

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

// lasting is kafka-go's connection to the group's coordinator. Where that breaks it is
// made anew, and what was asked is asked again, if asking twice does no harm. To
// kafka-go a heartbeat that fails is the end of a generation: all open flows would be
// dropped, and read again, for one broken connection.
//
// Like kafka-go it has at most one goroutine that reads and one that writes.
type lasting struct {
	dial func(context.Context) (net.Conn, error)
	ctx  context.Context // done when it is closed
	stop context.CancelFunc

	request []byte // what is written of one that is not whole
	answer  []byte // the size of the answer under way, where that is not read yet
	left    int    // bytes of that answer behind it

	mu          sync.Mutex
	conn        net.Conn
	asked       [][]byte // requests without an answer, oldest first
	read, write time.Time
}

func newLasting(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &lasting{dial: dial, conn: conn}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// Write sends requests. A break may show only where the answer is read.
func (l *lasting) Write(b []byte) (int, error) {
	l.request = append(l.request, b...)
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.request) >= prefix {
		size := prefix + int(binary.BigEndian.Uint32(l.request))
		if len(l.request) < size {
			break
		}
		whole := append([]byte(nil), l.request[:size]...)
		l.request = l.request[size:]
		l.asked = append(l.asked, whole)
		if _, err := l.conn.Write(whole); err != nil && !l.mendable(err) {
			return 0, err
		}
	}
	return len(b), nil
}

// Read gives answers, each from its beginning to its end over one connection.
func (l *lasting) Read(b []byte) (n int, err error) {
	if len(l.answer) == 0 && l.left == 0 {
		if err := l.begin(); err != nil {
			return 0, err
		}
	}
	if len(l.answer) > 0 {
		n = copy(b, l.answer)
		l.answer = l.answer[n:]
		return n, nil
	}
	n, err = l.now().Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// begin waits for an answer.
func (l *lasting) begin() error {
	size := make([]byte, prefix)
	_, err := io.ReadFull(l.now(), size)
	for tries := 3; err != nil && tries > 0; tries-- {
		if err := l.again(err); err != nil {
			return err
		}
		_, err = io.ReadFull(l.now(), size)
	}
	if err != nil {
		return err
	}
	l.answer, l.left = size, int(binary.BigEndian.Uint32(size))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = l.asked[min(1, len(l.asked)):]
	return nil
}

// again asks over a new connection what has no answer, after the old one failed.
func (l *lasting) again(failed error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.mendable(failed) {
		return failed
	}
	ctx, cancel := context.WithDeadline(l.ctx, l.read)
	defer cancel()
	conn, err := l.dial(ctx)
	if err != nil {
		return failed
	}
	l.conn.Close()
	l.conn = conn
	conn.SetReadDeadline(l.read)
	conn.SetWriteDeadline(l.write)
	for _, request := range l.asked {
		if _, err := conn.Write(request); err != nil {
			return nil // the next read says so
		}
	}
	return nil
}

// mendable tells whether a new connection mends what failed: a broker that does not
// answer in time would not answer there either.
func (l *lasting) mendable(err error) bool {
	if l.ctx.Err() != nil || l.read.IsZero() || errors.Is(err, os.ErrDeadlineExceeded) || len(l.asked) == 0 {
		return false
	}
	for _, request := range l.asked {
		if len(request) < prefix+2 || !harmless(int16(binary.BigEndian.Uint16(request[prefix:]))) {
			return false
		}
	}
	return true
}

// prefix is the length of a request's or answer's size, in bytes. The API's key follows.
const prefix = 4

// harmless tells what may be asked twice: a member that joined twice would be two.
func harmless(key int16) bool {
	return key == int16(kmsg.Heartbeat) || key == int16(kmsg.Metadata)
}

func (l *lasting) now() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

func (l *lasting) Close() error {
	l.stop() // where a connection is being made, that ends
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.Close()
}

func (l *lasting) SetReadDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = at
	return l.conn.SetReadDeadline(at)
}

func (l *lasting) SetWriteDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write = at
	return l.conn.SetWriteDeadline(at)
}

func (l *lasting) SetDeadline(at time.Time) error {
	return errors.Join(l.SetReadDeadline(at), l.SetWriteDeadline(at))
}

func (l *lasting) LocalAddr() net.Addr  { return l.now().LocalAddr() }
func (l *lasting) RemoteAddr() net.Addr { return l.now().RemoteAddr() }

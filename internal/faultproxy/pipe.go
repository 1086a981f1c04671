package faultproxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkBytes = 4 << 10 // the largest number of bytes that are delayed together
	linkChunks = 256     // the number of chunks that a link holds, each way
)

// connPair is a client's connection and the connection to the broker that serves it.
type connPair struct {
	client, broker net.Conn
	once           sync.Once
	ended          chan struct{}
}

// reset ends both sides by RST.
func (c *connPair) reset() {
	c.once.Do(func() {
		close(c.ended)
		reset(c.client)
		reset(c.broker)
	})
}

// close ends both sides by FIN.
func (c *connPair) close() {
	c.once.Do(func() {
		close(c.ended)
		c.client.Close()
		c.broker.Close()
	})
}

func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// pipe is one direction of a connection.
type pipe struct {
	faults  *atomic.Pointer[Faults]
	conn    *connPair
	limiter *rateLimiter
	link    chan chunk
	dead    bool // it has lost bytes
}

// chunk is a number of bytes on the link.
type chunk struct {
	data []byte
	at   time.Time // of arrival
}

func newPipe(faults *atomic.Pointer[Faults], c *connPair, limiter *rateLimiter) *pipe {
	return &pipe{faults: faults, conn: c, limiter: limiter, link: make(chan chunk, linkChunks)}
}

// forwardResponses forwards the broker's bytes. It does not parse them.
func (p *pipe) forwardResponses() {
	defer p.deliver(p.conn.client)()
	for buf := make([]byte, chunkBytes); ; {
		n, err := p.conn.broker.Read(buf)
		if err != nil {
			return
		}
		p.send(buf[:n], p.faults.Load().DropResponses)
	}
}

// forwardRequests forwards the client's requests. A request begins with its length, four
// bytes, and its API key, two bytes.
func (p *pipe) forwardRequests() {
	defer p.deliver(p.conn.broker)()
	var head [6]byte
	for {
		if _, err := io.ReadFull(p.conn.client, head[:]); err != nil {
			return
		}
		refused := p.faults.Load().drops(int(binary.BigEndian.Uint16(head[4:])))
		if refused && p.faults.Load().Reset {
			p.conn.reset()
			return
		}
		if refused {
			p.dead = true
		}
		p.send(head[:], p.faults.Load().DropRequests)
		rest := io.LimitReader(p.conn.client, int64(binary.BigEndian.Uint32(head[:]))-2)
		for buf := make([]byte, chunkBytes); ; {
			n, err := rest.Read(buf)
			if n > 0 {
				p.send(buf[:n], p.faults.Load().DropRequests)
			}
			if err != nil {
				break // the next head tells whether the connection has ended
			}
		}
	}
}

// send puts bytes on the link. With drop it loses them, and all later bytes too.
func (p *pipe) send(data []byte, drop bool) {
	p.dead = p.dead || drop
	if p.dead {
		return
	}
	f := p.faults.Load()
	at := p.limiter.arrival(time.Now(), len(data), f.Rate).Add(f.delay())
	select {
	case p.link <- chunk{append([]byte(nil), data...), at}:
	case <-p.conn.ended:
	}
}

// deliver starts to write the link's chunks to a connection, each at its time. The
// function that it returns waits for the last chunk and closes both connections.
func (p *pipe) deliver(to net.Conn) (end func()) {
	var writing sync.WaitGroup
	writing.Go(func() {
		for c := range p.link {
			select {
			case <-time.After(time.Until(c.at)):
			case <-p.conn.ended:
				continue
			}
			if _, err := to.Write(c.data); err != nil {
				p.conn.close()
			}
		}
	})
	return func() {
		close(p.link)
		writing.Wait()
		p.conn.close()
	}
}

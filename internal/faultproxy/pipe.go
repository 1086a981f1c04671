package faultproxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

const (
	chunkBytes = 4 << 10 // what is delayed and throttled as one
	underWay   = 256     // chunks that the link holds, each way
)

// pair is a client's connection and the one that the proxy made for it.
type pair struct {
	client, broker net.Conn
	once           sync.Once
	ended          chan struct{}
}

// reset ends both sides by RST.
func (c *pair) reset() {
	c.once.Do(func() {
		close(c.ended)
		reset(c.client)
		reset(c.broker)
	})
}

// close ends both sides in good order.
func (c *pair) close() {
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
	*Proxy
	conn  *pair
	meter *meter
	link  chan chunk
	dead  bool // has lost bytes
}

// chunk is bytes on their way, and when they arrive.
type chunk struct {
	data []byte
	at   time.Time
}

func newPipe(p *Proxy, c *pair, m *meter) *pipe {
	return &pipe{Proxy: p, conn: c, meter: m, link: make(chan chunk, underWay)}
}

// answers forwards what the broker sends, without a look at it.
func (p *pipe) answers() {
	defer p.drain(p.conn.client)()
	for buf := make([]byte, chunkBytes); ; {
		n, err := p.conn.broker.Read(buf)
		if err != nil {
			return
		}
		p.send(buf[:n], p.faults.Load().SwallowDown)
	}
}

// requests forwards what the client sends: a request is its length and its API
// key, of four bytes and two, and the rest.
func (p *pipe) requests() {
	defer p.drain(p.conn.broker)()
	var head [6]byte
	for {
		if _, err := io.ReadFull(p.conn.client, head[:]); err != nil {
			return
		}
		refused := p.faults.Load().refuses(int(binary.BigEndian.Uint16(head[4:])))
		if refused && p.faults.Load().Reset {
			p.conn.reset()
			return
		}
		if refused {
			p.dead = true
		}
		p.send(head[:], p.faults.Load().SwallowUp)
		rest := io.LimitReader(p.conn.client, int64(binary.BigEndian.Uint32(head[:]))-2)
		for buf := make([]byte, chunkBytes); ; {
			n, err := rest.Read(buf)
			if n > 0 {
				p.send(buf[:n], p.faults.Load().SwallowUp)
			}
			if err != nil {
				break // the next head tells whether the connection has ended
			}
		}
	}
}

// send puts bytes on the link, or loses them, and all that follow.
func (p *pipe) send(data []byte, swallow bool) {
	p.dead = p.dead || swallow
	if p.dead {
		return
	}
	f := p.faults.Load()
	at := p.meter.through(time.Now(), len(data), f.Rate).Add(f.wait())
	select {
	case p.link <- chunk{append([]byte(nil), data...), at}:
	case <-p.conn.ended:
	}
}

// drain writes to one side what the link holds, in order and when it is due. The
// function that it gives ends the connection behind what is under way.
func (p *pipe) drain(to net.Conn) (end func()) {
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

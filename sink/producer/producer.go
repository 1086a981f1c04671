// Package producer writes messages to Kafka topics. It keeps the order of each topic's
// messages, and acknowledges a message once all in-sync replicas have it.
package producer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
)

// Message is one record on its way to Kafka.
type Message struct {
	Topic   string
	Key     []byte
	Value   []byte
	Headers []kafka.Header
	Acker   delivery.Acker // told once all in-sync replicas have the message; may be nil
}

const (
	// batchMessages is how many messages one write takes, at most. So many come together only from
	// a backlog; four times as few took 5% more CPU here, and a third more in the broker.
	batchMessages = 4000
	// batchBytes is how many bytes one write takes. A single message may be larger.
	batchBytes = 8 << 20
	// messageBytes is how large a message may be: a broker's default limit for one
	// request. The broker decides what is too large for a topic. kafka-go's own limit of
	// a megabyte would refuse a dead letter of a large record forever.
	messageBytes = 96 << 20
	// linger is how long kafka-go waits for a batch to fill. It gets all queued messages in one call, and adds
	// those of a partition under one lock, so a wait gains nothing. With a millisecond, labels came 2 ms later.
	linger = 10 * time.Microsecond
	// filling is how long a write waits for more messages where they are late anyway. A member that caught up
	// with one partition took 18% less CPU with it.
	filling = 5 * time.Millisecond
	// writeTimeout bounds one write to one partition.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long Run waits, after its context is done, for a write that
	// has no answer yet. The messages of that write are not acknowledged.
	closeTimeout = time.Second
)

// Producer writes messages to topics. It retries without limit, and a message that is not
// written is never acknowledged. While a topic's queue is full, Send blocks. It is safe
// for concurrent use.
type Producer struct {
	// Late reports whether messages are late anyway, so that a write may wait for more of them; nil: they never
	// are. It is set before the first message.
	Late func() bool

	addr      net.Addr
	transport *kafka.Transport
	through   kafka.RoundTripper // for writes: transport, but for tests
	capacity  int                // messages that each topic's queue holds
	metrics   *Metrics
	log       *slog.Logger

	mu      sync.Mutex
	queues  map[string]*topicQueue // by topic
	writers []*writer              // theirs
	start   func(*topicQueue)      // starts a queue's goroutine; nil while Run does not run
}

// New builds a producer whose queues hold so many messages for each topic. It starts nothing:
// Run writes.
func New(cluster *brokers.Cluster, capacity int, m *Metrics, log *slog.Logger) *Producer {
	transport := cluster.Transport()
	// The producer sees a new topic or a new leader after this time. It is also how long
	// kafka-go waits for metadata: over a bad link one second is not enough.
	transport.MetadataTTL = 3 * time.Second
	return &Producer{
		addr: kafka.TCP(cluster.Addr()), transport: transport, through: transport, capacity: capacity,
		metrics: m, log: log, queues: map[string]*topicQueue{},
	}
}

// Send queues a message. It blocks while its topic's queue is full. When ctx is done it
// returns without an acknowledgement, and the message may be dropped.
func (p *Producer) Send(ctx context.Context, m Message) { p.queue(m.Topic, true).send(ctx, m) }

// Offer queues a message if there is room, and reports whether there was. It never blocks.
// Ready does not tell of a topic whose messages are only offered: nothing depends on them.
func (p *Producer) Offer(m Message) bool { return p.queue(m.Topic, false).offer(m) }

// queue returns a topic's queue. It makes one for the first message of a topic.
func (p *Producer) queue(topic string, needed bool) *topicQueue {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queues[topic]
	if q == nil {
		w := p.newWriter()
		q = newTopicQueue(topic, p.capacity, w, p.metrics, p.log)
		q.late, p.writers = p.Late, append(p.writers, w)
		p.queues[topic] = q
		if p.start != nil {
			p.start(q)
		}
	}
	q.needed = q.needed || needed
	return q
}

// Ready returns why messages cannot be written, for each topic; nil while writes succeed.
func (p *Producer) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []error
	for _, topic := range slices.Sorted(maps.Keys(p.queues)) {
		if q := p.queues[topic]; q.needed {
			faults = append(faults, q.ready(time.Now()))
		}
	}
	return errors.Join(faults...)
}

// Run writes what is queued until ctx is done; it always returns nil. Messages that are
// still queued then are neither written nor acknowledged, so a caller that needs them
// written waits for their Ackers before it ends ctx.
func (p *Producer) Run(ctx context.Context) error {
	var writing sync.WaitGroup
	p.mu.Lock()
	p.start = func(q *topicQueue) { writing.Go(func() { q.run(ctx) }) }
	for _, q := range p.queues {
		p.start(q)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.start = nil
	p.mu.Unlock()
	writing.Wait()
	p.close()
	return nil
}

// close closes the connections. kafka-go waits for writes without an answer up to their
// own timeout. That is too long here: callers have already waited for their Ackers.
func (p *Producer) close() {
	defer p.transport.CloseIdleConnections()
	var closing sync.WaitGroup
	p.mu.Lock()
	for _, w := range p.writers {
		closing.Go(func() { w.kafka.Close() })
	}
	p.mu.Unlock()
	closed := make(chan struct{})
	go func() { closing.Wait(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}

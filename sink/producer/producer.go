// Package producer writes messages to Kafka topics, each topic's in the order in which
// they are sent, and tells whoever waits when a message is safe.
package producer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
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
	Acker   delivery.Acker // told once the message is written for good; nil where nobody waits
}

const (
	// batchMessages is how many messages one write takes, at most.
	batchMessages = 1000
	// batchBytes is how many bytes one write takes, where it has several messages.
	batchBytes = 8 << 20
	// messageBytes is how large a message may be: what a broker takes in one request
	// unless told otherwise. With kafka-go's own limit of a megabyte, a dead letter as
	// large as its record would be refused for ever. The broker says what is too large.
	messageBytes = 96 << 20
	// linger is how long kafka-go waits for a batch to fill. What is queued is
	// handed over together, so waiting gains nothing.
	linger = time.Millisecond
	// writeTimeout bounds one write to one partition.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long closing waits for a write that nobody answers. What that
	// writes is not acknowledged any more.
	closeTimeout = time.Second
)

// Producer writes messages, each topic's in the order in which they are sent, until all
// in-sync replicas have them. It tries until it succeeds: what is not written is never
// acknowledged, and a full queue holds back those that send.
type Producer struct {
	writer  *kafka.Writer
	room    int // messages that may wait for a topic
	metrics *Metrics
	log     *slog.Logger

	mu     sync.Mutex
	queues map[string]*topicQueue // by topic
	begin  func(*topicQueue)      // nil unless Run is at work
}

// New builds a producer with room for queue messages a topic, and starts nothing. Keys go to
// the partitions that the Java clients choose.
func New(cluster *brokers.Cluster, queue int, m *Metrics, log *slog.Logger) *Producer {
	transport := cluster.Transport()
	// A topic that was made, a leader that has moved, is seen soon. It is also how long
	// kafka-go waits for the answer: over a bad link one second is not enough.
	transport.MetadataTTL = 3 * time.Second
	return &Producer{
		writer: &kafka.Writer{
			Addr: kafka.TCP(cluster.Addr()), Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
			MaxAttempts: 1, BatchSize: batchMessages, BatchBytes: messageBytes, BatchTimeout: linger,
			WriteTimeout: writeTimeout, ReadTimeout: writeTimeout, Compression: kafka.Lz4,
			Transport: transport,
		},
		room: queue, metrics: m, log: log, queues: map[string]*topicQueue{},
	}
}

// Send queues a message. It blocks while its topic's queue is full, and gives up,
// without acknowledging, when ctx is done.
func (p *Producer) Send(ctx context.Context, m Message) { p.queue(m.Topic).send(ctx, m) }

// queue gives a topic's queue; the first message for a topic makes it.
func (p *Producer) queue(topic string) *topicQueue {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queues[topic]
	if q == nil {
		q = newTopicQueue(topic, p.room, p.writer, p.metrics, p.log)
		p.queues[topic] = q
		if p.begin != nil {
			p.begin(q)
		}
	}
	return q
}

// Ready says in words why something cannot be written; nil while writes succeed.
func (p *Producer) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []error
	for _, topic := range slices.Sorted(maps.Keys(p.queues)) {
		faults = append(faults, p.queues[topic].ready(time.Now()))
	}
	return errors.Join(faults...)
}

// Run writes until ctx is done. What is queued then is not acknowledged: whoever
// wants it written waits for its Acker before ending ctx.
func (p *Producer) Run(ctx context.Context) error {
	var writing sync.WaitGroup
	p.mu.Lock()
	p.begin = func(q *topicQueue) { writing.Go(func() { q.run(ctx) }) }
	for _, q := range p.queues {
		p.begin(q)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.begin = nil
	p.mu.Unlock()
	writing.Wait()
	p.close()
	return nil
}

// close lets go of the connections. kafka-go waits for writes under way however
// long their timeout is; the drain has waited already.
func (p *Producer) close() {
	closed := make(chan struct{})
	go func() { p.writer.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}

package sink

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
)

// Acker is told once that a message is written for good.
type Acker interface {
	Ack()
}

// Message is one record on its way to Kafka.
type Message struct {
	Topic   string
	Key     []byte
	Value   []byte
	Headers []kafka.Header
	Pin     Acker // nil where nobody waits
}

const (
	// batchMessages is how many messages one write takes, at most.
	batchMessages = 1000
	// batchBytes is how many bytes one write takes, where it has several messages.
	batchBytes = 8 << 20
	// messageBytes is how large a message may be: what a broker takes in one request
	// unless told otherwise. kafka-go's own megabyte would refuse, for ever, a dead
	// letter as large as its record was; what is too large is the broker's to say.
	messageBytes = 96 << 20
	// linger is how long kafka-go waits for a batch to fill. What is queued is
	// handed over together, so waiting gains nothing.
	linger = time.Millisecond
	// writeTimeout bounds one write to one partition.
	writeTimeout = 10 * time.Second
	// goodbye is how long the end waits for a write that nobody answers: what it
	// writes is not acknowledged any more.
	goodbye = time.Second
)

// Producer writes messages, each topic's in the order in which they are sent,
// acknowledged by all in-sync replicas, and tries until it succeeds: what is not
// written is never acknowledged, and holds back those that send.
type Producer struct {
	writer  *kafka.Writer
	queue   int
	metrics *Metrics
	log     *slog.Logger

	mu    sync.Mutex
	lanes map[string]*lane // by topic
	begin func(*lane)      // nil unless Run is at work
}

// NewProducer builds a producer with room for queue messages a topic. Keys go to
// the partitions that the Java clients choose.
func NewProducer(cluster *brokers.Cluster, queue int, m *Metrics, log *slog.Logger) *Producer {
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
		queue: queue, metrics: m, log: log, lanes: map[string]*lane{},
	}
}

// Send queues a message. It blocks while its topic's queue is full, and gives up,
// without acknowledging, when ctx is done.
func (p *Producer) Send(ctx context.Context, m Message) { p.lane(m.Topic).send(ctx, m) }

// lane gives a topic's lane; the first message for a topic makes it.
func (p *Producer) lane(topic string) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[topic]
	if l == nil {
		l = newLane(topic, p.queue, p.writer, p.metrics, p.log)
		p.lanes[topic] = l
		if p.begin != nil {
			p.begin(l)
		}
	}
	return l
}

// Ready says in words why something cannot be written; nil while writes succeed.
func (p *Producer) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []error
	for _, topic := range slices.Sorted(maps.Keys(p.lanes)) {
		faults = append(faults, p.lanes[topic].ready(time.Now()))
	}
	return errors.Join(faults...)
}

// Run writes until ctx is done. What is queued then is not acknowledged: whoever
// wants it written waits for its Pin before ending ctx.
func (p *Producer) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	p.mu.Lock()
	p.begin = func(l *lane) { lanes.Go(func() { l.run(ctx) }) }
	for _, l := range p.lanes {
		p.begin(l)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.begin = nil
	p.mu.Unlock()
	lanes.Wait()
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
	case <-time.After(goodbye):
	}
}

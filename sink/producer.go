package sink

import (
	"context"
	"errors"
	"log/slog"
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
	// batchBytes is how large one write, and so one message, may be. kafka-go's own
	// megabyte would refuse, for ever, a dead letter as large as its record was;
	// what is too large is the broker's to say.
	batchBytes = 16 << 20
	// linger is how long kafka-go waits for a batch to fill. What is queued is
	// handed over together, so waiting gains nothing.
	linger = time.Millisecond
	// writeTimeout bounds one attempt.
	writeTimeout = 10 * time.Second
)

// Producer writes messages in the order in which they are sent, acknowledged by
// all in-sync replicas, and tries until it succeeds: what is not written is never
// acknowledged, and holds back those that send.
type Producer struct {
	writer  *kafka.Writer
	queue   chan Message
	metrics *Metrics
	log     *slog.Logger

	mu      sync.Mutex
	failing error // nil while writes succeed
}

// NewProducer builds a producer with room for queue messages. Keys go to the
// partitions that the Java clients choose.
func NewProducer(cluster *brokers.Cluster, queue int, m *Metrics, log *slog.Logger) *Producer {
	transport := cluster.Transport()
	transport.MetadataTTL = time.Second // a topic that was made is seen soon
	return &Producer{
		writer: &kafka.Writer{
			Addr: kafka.TCP(cluster.Addrs()...), Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
			MaxAttempts: 1, BatchSize: batchMessages, BatchBytes: batchBytes, BatchTimeout: linger,
			WriteTimeout: writeTimeout, ReadTimeout: writeTimeout, Compression: kafka.Lz4,
			Transport: transport,
		},
		queue: make(chan Message, queue), metrics: m, log: log,
	}
}

// Send queues a message. It blocks while the queue is full, and gives up,
// without acknowledging, when ctx is done.
func (p *Producer) Send(ctx context.Context, m Message) {
	select {
	case p.queue <- m:
	case <-ctx.Done():
	}
}

// Ready says in words why nothing can be written; nil while writes succeed.
func (p *Producer) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failing
}

// Run writes until ctx is done. What is queued then is not acknowledged: whoever
// wants it written waits for its Pin before ending ctx.
func (p *Producer) Run(ctx context.Context) error {
	defer p.writer.Close()
	var batch []Message
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-p.queue:
			batch = p.collect(append(batch[:0], m))
			p.write(ctx, batch)
		}
	}
}

// collect adds what else is queued, without waiting for more.
func (p *Producer) collect(batch []Message) []Message {
	for len(batch) < batchMessages {
		select {
		case m := <-p.queue:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// write tries until every message of the batch is written, or ctx is done.
func (p *Producer) write(ctx context.Context, batch []Message) {
	for wait := 50 * time.Millisecond; len(batch) > 0 && ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		began := time.Now()
		err := p.writer.WriteMessages(ctx, records(batch)...)
		p.metrics.wrote(time.Since(began))
		batch = p.settle(batch, err)
		if err == nil || ctx.Err() != nil {
			continue
		}
		p.metrics.failures.Inc()
		p.log.Warn("write failed, will try again", "messages", len(batch), "err", p.Ready()) // err has one for each message
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// settle acknowledges what was written and gives back the rest, in order.
func (p *Producer) settle(batch []Message, err error) (rest []Message) {
	var each kafka.WriteErrors
	partly := errors.As(err, &each) && len(each) == len(batch)
	for i, m := range batch {
		failed := err
		if partly {
			failed = each[i]
		}
		if failed != nil {
			rest, err = append(rest, m), failed
			continue
		}
		p.metrics.written.WithLabelValues(m.Topic).Inc()
		if m.Pin != nil {
			m.Pin.Ack()
		}
	}
	p.mu.Lock()
	p.failing = describe(rest, err)
	p.mu.Unlock()
	return rest
}

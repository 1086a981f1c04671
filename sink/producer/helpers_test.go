package producer

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
)

var quiet = slog.New(slog.DiscardHandler)

// start runs a producer until the test ends.
func start(t *testing.T, addr string) *Producer {
	p := New(brokers.Plain("test", addr), 100, NewMetrics(prometheus.NewRegistry()), quiet)
	p.transport.MetadataTTL = 100 * time.Millisecond // a new topic is seen soon
	run(t, p)
	return p
}

func run(t *testing.T, p *Producer) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

// writerFunc is a topicWriter that is one function.
type writerFunc func(ctx context.Context, batch []kafka.Message) error

func (f writerFunc) WriteMessages(ctx context.Context, batch ...kafka.Message) error {
	return f(ctx, batch)
}

// fakeTopic is a topic of ten partitions, each of which takes maxBytes in one write. A key
// goes to the partition of its first letter.
type fakeTopic struct {
	mu       sync.Mutex
	maxBytes int
	err      error // of every write
	hangs    bool
	attempts []time.Time
	written  []string // "key=bytes of value"
}

func (f *fakeTopic) set(change func(*fakeTopic)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeTopic) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.written, " ")
}

// begin returns what the topic does with a write that begins now.
func (f *fakeTopic) begin() (hangs bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, time.Now())
	return f.hangs, f.err
}

func (f *fakeTopic) WriteMessages(ctx context.Context, batch ...kafka.Message) error {
	hangs, err := f.begin()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	load := map[string]int{}
	partition := func(m kafka.Message) string { return string(m.Key[:min(1, len(m.Key))]) }
	for _, m := range batch {
		load[partition(m)] += len(m.Value)
	}
	errs, failed := make(kafka.WriteErrors, len(batch)), false
	for i, m := range batch {
		if load[partition(m)] > f.maxBytes {
			errs[i], failed = kafka.MessageSizeTooLarge, true
			continue
		}
		f.written = append(f.written, string(m.Key)+"="+fmt.Sprint(len(m.Value)))
	}
	if failed {
		return errs
	}
	return nil
}

func newTestQueue(w topicWriter) *topicQueue {
	return newTopicQueue("labels", 5*batchMessages, w, NewMetrics(prometheus.NewRegistry()), quiet)
}

// runQueue runs a queue in virtual time until the test function returns.
func runQueue(t *testing.T, w topicWriter, test func(t *testing.T, q *topicQueue, acks *await.Tally)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		q := newTestQueue(w)
		done := make(chan struct{})
		go func() { q.run(ctx); close(done) }()
		test(t, q, &await.Tally{})
		stop()
		<-done
	})
}

// send queues one message of each size.
func send(q *topicQueue, acks *await.Tally, key string, sizes ...int) {
	for _, n := range sizes {
		q.send(context.Background(), Message{Topic: q.topic, Key: []byte(key), Value: make([]byte, n), Acker: acks})
	}
}

// parked is how many messages the queue says are parked.
func parked(q *topicQueue) (n int) {
	if err := q.ready(time.Now()); err != nil {
		fmt.Sscanf(err.Error(), "sink: %d messages wait", &n)
	}
	return n
}

// messages are messages of one topic with these values and no keys.
func messages(acker delivery.Acker, values ...string) (all []Message) {
	for _, v := range values {
		all = append(all, Message{Topic: "labels", Value: []byte(v), Acker: acker})
	}
	return all
}

package producer

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
)

// fakeCluster answers a writer's requests in virtual time. Each topic has one partition.
type fakeCluster struct {
	lookup time.Duration // how long a lookup takes, whatever its context says
	hangs  bool          // writes have no answer
	writes atomic.Int64
}

func (c *fakeCluster) RoundTrip(ctx context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	switch req := req.(type) {
	case *metadata.Request:
		time.Sleep(c.lookup)
		return &metadata.Response{Topics: []metadata.ResponseTopic{{Name: req.TopicNames[0], Partitions: make([]metadata.ResponsePartition, 1)}}}, nil
	case *produce.Request:
		c.writes.Add(1)
		if c.hangs {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &produce.Response{Topics: []produce.ResponseTopic{{Topic: req.Topics[0].Topic, Partitions: make([]produce.ResponsePartition, 1)}}}, nil
	}
	return nil, errors.New("no such request")
}

func newTestProducer(c *fakeCluster) *Producer {
	p := New(brokers.Plain("test", "127.0.0.1:1"), 100, NewMetrics(prometheus.NewRegistry()), quiet)
	p.through = c
	return p
}

// Messages that are sent before Run are written by it.
func TestSendBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, acks := newTestProducer(&fakeCluster{}), &await.Tally{}
		p.Send(t.Context(), Message{Topic: "a", Acker: acks})
		p.Send(t.Context(), Message{Topic: "b", Acker: acks})
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := p.Run(ctx); err != nil || acks.Count() != 2 {
			t.Errorf("%v, %d acknowledged", err, acks.Count())
		}
	})
}

// Run ends with its context: at once where nothing is under way, when the lookups have
// ended, and after a second where a write has no answer.
func TestRunEnds(t *testing.T) {
	for name, test := range map[string]struct {
		cluster *fakeCluster
		send    bool
		want    time.Duration
	}{
		"nothing was sent":      {&fakeCluster{}, false, 0},
		"all is written":        {&fakeCluster{}, true, 0},
		"in a lookup":           {&fakeCluster{lookup: 300 * time.Millisecond}, true, 200 * time.Millisecond},
		"in a write that hangs": {&fakeCluster{hangs: true}, true, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newTestProducer(test.cluster)
			ctx, stop := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, stop)
			began := time.Now()
			if test.send {
				p.Send(ctx, Message{Topic: "labels", Value: []byte("x")})
			}
			p.Run(ctx)
			if d := time.Since(began) - 100*time.Millisecond; d != test.want {
				t.Errorf("%s: ended %v after its context, want %v", name, d, test.want)
			}
			if p.Send(t.Context(), Message{Topic: "late"}); p.start != nil {
				t.Errorf("%s: a topic that is first used after Run has a goroutine", name)
			}
			time.Sleep(writeTimeout) // kafka-go gives up the write that hangs
		})
	}
}

// The queue makes the attempts, the writer none by itself, so each one is counted.
func TestWriterDoesNotRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := &fakeCluster{hangs: true}
		p := newTestProducer(cluster)
		defer p.close()
		q := p.queue("labels", true)
		failed, _ := q.attempt(t.Context(), messages(nil, "a"))
		if len(failed) != 1 || cluster.writes.Load() != 1 {
			t.Errorf("%d messages failed in one attempt of %d writes", len(failed), cluster.writes.Load())
		}
	})
}

// A broker takes 100 MiB in one request by default. Below that, the broker decides.
func TestLargestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster, acks := &fakeCluster{}, &await.Tally{}
		p := newTestProducer(cluster)
		defer p.close()
		q := p.queue("labels", true)
		for bytes, parked := range map[int]int{90 << 20: 0, 96 << 20: 1} { // and what Kafka adds
			m := Message{Topic: "labels", Value: make([]byte, bytes), Acker: acks}
			q.send(t.Context(), m)
			if q.write(t.Context(), []Message{<-q.waiting}); len(q.parked) != parked {
				t.Errorf("%d bytes: %d parked, want %d", bytes, len(q.parked), parked)
			}
			q.parked, q.budget = nil, newTestQueue(nil).budget
		}
	})
}

// A topic or leader that is new is seen within seconds, and all topics' failures are told.
func TestReadyNamesEachTopic(t *testing.T) {
	p := newTestProducer(&fakeCluster{})
	if err := p.Ready(); err != nil || p.transport.MetadataTTL != 3*time.Second {
		t.Errorf("%v; topics are looked up every %v", err, p.transport.MetadataTTL)
	}
	for _, topic := range []string{"b", "c", "a"} {
		if q := p.queue(topic, true); topic != "c" {
			q.update(time.Time{}, describe([]Message{{Topic: topic}}, kafka.UnknownTopicOrPartition))
		}
	}
	lines := strings.Split(p.Ready().Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "topic a is missing") || !strings.Contains(lines[1], "topic b is missing") {
		t.Errorf("%q", lines)
	}
}

// A write of one message must not make room for a batch of the largest size: kafka-go would, in each partition.
func TestASmallWriteMakesLittleRoom(t *testing.T) {
	p := newTestProducer(&fakeCluster{})
	w := p.newWriter()
	defer w.kafka.Close()
	message := kafka.Message{Topic: "a", Key: []byte("k"), Value: make([]byte, 600)}
	write := func() {
		if err := w.WriteMessages(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	write()
	const writes = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range writes {
		write()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / writes; each > 32<<10 {
		t.Errorf("a message of 600 bytes takes %d bytes of memory to write", each)
	}
}

package producer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// paper writes as a topic of ten partitions would that takes so many bytes at once
// in each; a key goes to the partition of its first letter.
type paper struct {
	mu      sync.Mutex
	atMost  int
	refuses error // everything
	hangs   bool
	asked   int
	written []string
}

func (p *paper) set(change func(*paper)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *paper) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.written, " ")
}

func (p *paper) WriteMessages(ctx context.Context, msgs ...kafka.Message) error {
	p.mu.Lock()
	hangs := p.hangs
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.refuses != nil {
		return p.refuses
	}
	load := map[byte]int{}
	for _, m := range msgs {
		load[m.Key[0]] += len(m.Value)
	}
	errs, failed := make(kafka.WriteErrors, len(msgs)), false
	for i, m := range msgs {
		if load[m.Key[0]] > p.atMost {
			errs[i], failed = kafka.MessageSizeTooLarge, true
			continue
		}
		p.written = append(p.written, string(m.Key)+"="+fmt.Sprint(len(m.Value)))
	}
	if failed {
		return errs
	}
	return nil
}

// onQueue runs a queue over paper in time of its own, until the test is done with it.
func onQueue(t *testing.T, p *paper, test func(t *testing.T, q *topicQueue, acks *tally)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		q := newTopicQueue("labels", 5000, p, NewMetrics(prometheus.NewRegistry()), quiet)
		done := make(chan struct{})
		go func() { q.run(ctx); close(done) }()
		test(t, q, &tally{})
		stop()
		<-done
	})
}

func post(q *topicQueue, acks *tally, key string, sizes ...int) {
	for _, n := range sizes {
		q.send(context.Background(), Message{Topic: q.topic, Key: []byte(key), Value: make([]byte, n), Acker: acks})
	}
}

// One message that the topic does not take harms no other, but for later ones of
// its key; those keep their order when the topic is mended.
func TestTooLargeIsParked(t *testing.T) {
	p := &paper{atMost: 100}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		post(q, acks, "a1", 10)
		post(q, acks, "a2", 101, 11)
		post(q, acks, "a3", 90, 12)
		post(q, acks, "b1", 13)
		synctest.Wait()
		if got := p.text(); strings.Count(got, "=") != 4 || strings.Contains(got, "a2") || acks.n.Load() != 4 {
			t.Fatalf("%d acknowledged: %s", acks.n.Load(), got)
		}
		post(q, acks, "a2", 14)
		post(q, acks, "a4", 15)
		synctest.Wait()
		if acks.n.Load() != 5 {
			t.Errorf("%d acknowledged, the fifth has waited for those parked", acks.n.Load())
		}
		err := q.ready(time.Now())
		if !errors.Is(err, kafka.MessageSizeTooLarge) || !strings.Contains(err.Error(), "3 messages wait that topic labels does not take; the largest has 103 bytes: set its max.message.bytes to 615 or more") {
			t.Errorf("%v", err)
		}
		p.set(func(p *paper) { p.atMost = 200 })
		time.Sleep(2 * parkedEvery)
		synctest.Wait()
		if got := p.text(); !strings.HasSuffix(got, "a2=101 a2=11 a2=14") || acks.n.Load() != 8 {
			t.Errorf("%d acknowledged: %s", acks.n.Load(), got)
		}
		if err := q.ready(time.Now()); err != nil {
			t.Errorf("mended: %v", err)
		}
	})
}

// A topic that takes few bytes at once is written in small parts: none is too large.
func TestTooMuchTogetherIsSplit(t *testing.T) {
	p := &paper{atMost: 100}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		var want []string
		for n := range 50 {
			post(q, acks, "a", n)
			want = append(want, fmt.Sprint("a=", n))
		}
		synctest.Wait()
		if got := p.text(); got != strings.Join(want, " ") || q.ready(time.Now()) != nil {
			t.Errorf("%v: %s", q.ready(time.Now()), got)
		}
	})
}

// What is parked is bounded: with maxParked or more, the queue takes no further batch.
// So one batch may come on top, and the rest waits and holds back those that send.
func TestParkedIsBounded(t *testing.T) {
	p := &paper{atMost: 100}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		const total = 3 * batchMessages
		for range total {
			post(q, acks, "a", 101)
		}
		synctest.Wait()
		if n := len(q.parked); n < maxParked || n >= maxParked+batchMessages || n+len(q.waiting) != total {
			t.Errorf("%d are parked and %d wait, of %d; at least %d may be parked, and less than a batch more", n, len(q.waiting), total, maxParked)
		}
		p.set(func(p *paper) { p.atMost = 200 })
		time.Sleep(2 * parkedEvery)
		synctest.Wait()
		if len(q.parked) != 0 || len(q.waiting) != 0 || acks.n.Load() != total {
			t.Errorf("mended: %d parked, %d wait, %d acknowledged", len(q.parked), len(q.waiting), acks.n.Load())
		}
	})
}

// A write that nobody answers is told before it fails.
func TestWriteWithoutAnswerIsTold(t *testing.T) {
	p := &paper{atMost: 100, hangs: true}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		post(q, acks, "a", 1)
		time.Sleep(unansweredAfter - time.Second)
		if err := q.ready(time.Now()); err != nil {
			t.Errorf("at once: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := q.ready(time.Now()); err == nil || !strings.Contains(err.Error(), "a write to topic labels has had no answer for 6 s") {
			t.Errorf("%v", err)
		}
		p.set(func(p *paper) { p.hangs = false })
		time.Sleep(attemptTimeout)
		synctest.Wait()
		if err := q.ready(time.Now()); err != nil || acks.n.Load() != 1 {
			t.Errorf("%d acknowledged, %v", acks.n.Load(), err)
		}
	})
}

// After an hour of failing, a mend is seen within seconds.
func TestRetriesStayFrequent(t *testing.T) {
	p := &paper{atMost: 100, refuses: kafka.TopicAuthorizationFailed}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		post(q, acks, "a", 1)
		time.Sleep(time.Hour)
		p.set(func(p *paper) {
			p.refuses = nil
			if p.asked > 1000 {
				t.Errorf("%d attempts in an hour", p.asked)
			}
		})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if acks.n.Load() != 1 {
			t.Error("not written 5 s after the mend")
		}
	})
}

// Waiting messages are bounded in bytes too: dead letters may be large.
func TestQueueIsBoundedInBytes(t *testing.T) {
	p := &paper{refuses: errors.New("no")}
	onQueue(t, p, func(t *testing.T, q *topicQueue, acks *tally) {
		ctx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		const large = 1 << 20
		for range 2 * queueBytes / large {
			q.send(ctx, Message{Topic: "labels", Key: []byte("a"), Value: make([]byte, large)})
		}
		if n := len(q.waiting); n > queueBytes/large {
			t.Errorf("%d MiB wait", n)
		}
	})
}

// One topic that cannot be written does not hold back another's messages.
func TestTopicsDoNotHoldBackEachOther(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "labels"))
	p, acks, dead := start(t, addr), &tally{}, &tally{}
	p.Send(t.Context(), Message{Topic: "in.dlq", Value: []byte("bad"), Acker: dead})
	for i := range 300 {
		p.Send(t.Context(), Message{Topic: "labels", Key: fmt.Append(nil, i), Acker: acks})
	}
	acks.await(t, 300)
	if dead.n.Load() != 0 {
		t.Error("acknowledged without a topic")
	}
	await.Until(t, "a reason not to be ready", func() bool { return p.Ready() != nil })
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "topic in.dlq is missing") {
		t.Errorf("%v", err)
	}
	kafkatest.CreateTopic(t, addr, "in.dlq", 1, nil)
	dead.await(t, 1)
}

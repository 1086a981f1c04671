package sink

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

// onLane runs a lane over paper in time of its own, until the test is done with it.
func onLane(t *testing.T, p *paper, test func(t *testing.T, l *lane, acks *tally)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := newLane("labels", 5000, p, NewMetrics(prometheus.NewRegistry()), quiet)
		done := make(chan struct{})
		go func() { l.run(ctx); close(done) }()
		test(t, l, &tally{})
		stop()
		<-done
	})
}

func post(l *lane, acks *tally, key string, sizes ...int) {
	for _, n := range sizes {
		l.send(context.Background(), Message{Topic: l.topic, Key: []byte(key), Value: make([]byte, n), Pin: acks})
	}
}

// One message that the topic does not take harms no other, but for later ones of
// its key; those keep their order when the topic is mended.
func TestTooLargeIsSetAside(t *testing.T) {
	p := &paper{atMost: 100}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		post(l, acks, "a1", 10)
		post(l, acks, "a2", 101, 11)
		post(l, acks, "a3", 90, 12)
		post(l, acks, "b1", 13)
		synctest.Wait()
		if got := p.text(); strings.Count(got, "=") != 4 || strings.Contains(got, "a2") || acks.n.Load() != 4 {
			t.Fatalf("%d acknowledged: %s", acks.n.Load(), got)
		}
		post(l, acks, "a2", 14)
		post(l, acks, "a4", 15)
		synctest.Wait()
		if acks.n.Load() != 5 {
			t.Errorf("%d acknowledged, the fifth has waited for those set aside", acks.n.Load())
		}
		err := l.ready(time.Now())
		if !errors.Is(err, kafka.MessageSizeTooLarge) || !strings.Contains(err.Error(), "3 messages wait that topic labels does not take; the largest has 103 bytes: set its max.message.bytes to 615 or more") {
			t.Errorf("%v", err)
		}
		p.set(func(p *paper) { p.atMost = 200 })
		time.Sleep(2 * asideEvery)
		synctest.Wait()
		if got := p.text(); !strings.HasSuffix(got, "a2=101 a2=11 a2=14") || acks.n.Load() != 8 {
			t.Errorf("%d acknowledged: %s", acks.n.Load(), got)
		}
		if err := l.ready(time.Now()); err != nil {
			t.Errorf("mended: %v", err)
		}
	})
}

// A topic that takes few bytes at once is written in small parts: none is too large.
func TestTooMuchTogetherIsSplit(t *testing.T) {
	p := &paper{atMost: 100}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		var want []string
		for n := range 50 {
			post(l, acks, "a", n)
			want = append(want, fmt.Sprint("a=", n))
		}
		synctest.Wait()
		if got := p.text(); got != strings.Join(want, " ") || l.ready(time.Now()) != nil {
			t.Errorf("%v: %s", l.ready(time.Now()), got)
		}
	})
}

// What is set aside is bounded: beyond it the lane takes nothing more, and holds
// back those that send.
func TestAsideIsBounded(t *testing.T) {
	p := &paper{atMost: 100}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		for range 2 * batchMessages {
			post(l, acks, "a", 101)
		}
		synctest.Wait()
		if len(l.queue) < batchMessages {
			t.Errorf("%d wait, of %d: the others are set aside", len(l.queue), 2*batchMessages)
		}
	})
}

// A write that nobody answers is told before it fails.
func TestWriteWithoutAnswerIsTold(t *testing.T) {
	p := &paper{atMost: 100, hangs: true}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		post(l, acks, "a", 1)
		time.Sleep(hesitation - time.Second)
		if err := l.ready(time.Now()); err != nil {
			t.Errorf("at once: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := l.ready(time.Now()); err == nil || !strings.Contains(err.Error(), "a write to topic labels has had no answer for 6 s") {
			t.Errorf("%v", err)
		}
		p.set(func(p *paper) { p.hangs = false })
		time.Sleep(attemptTimeout)
		synctest.Wait()
		if err := l.ready(time.Now()); err != nil || acks.n.Load() != 1 {
			t.Errorf("%d acknowledged, %v", acks.n.Load(), err)
		}
	})
}

// After an hour of failing, a mend is seen within seconds.
func TestRetriesStayFrequent(t *testing.T) {
	p := &paper{atMost: 100, refuses: kafka.TopicAuthorizationFailed}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		post(l, acks, "a", 1)
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
func TestLaneIsBoundedInBytes(t *testing.T) {
	p := &paper{refuses: errors.New("no")}
	onLane(t, p, func(t *testing.T, l *lane, acks *tally) {
		ctx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		const large = 1 << 20
		for range 2 * laneBytes / large {
			l.send(ctx, Message{Topic: "labels", Key: []byte("a"), Value: make([]byte, large)})
		}
		if n := len(l.queue); n > laneBytes/large {
			t.Errorf("%d MiB wait", n)
		}
	})
}

// One topic that cannot be written does not hold back another's messages.
func TestTopicsDoNotHoldBackEachOther(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "labels"))
	p, acks, dead := start(t, addr), &tally{}, &tally{}
	p.Send(t.Context(), Message{Topic: "in.dlq", Value: []byte("bad"), Pin: dead})
	for i := range 300 {
		p.Send(t.Context(), Message{Topic: "labels", Key: fmt.Append(nil, i), Pin: acks})
	}
	acks.await(t, 300)
	if dead.n.Load() != 0 {
		t.Error("acknowledged without a topic")
	}
	for deadline := time.Now().Add(10 * time.Second); p.Ready() == nil && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "topic in.dlq is missing") {
		t.Errorf("%v", err)
	}
	kafkatest.CreateTopic(t, addr, "in.dlq", 1, nil)
	dead.await(t, 1)
}

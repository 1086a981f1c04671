package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
)

// A message that the topic does not take harms no other message, except later ones of
// its key. Those keep their order once the topic takes them.
func TestTooLargeIsParked(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		send(q, acks, "a1", 10)
		send(q, acks, "a2", 101, 11)
		send(q, acks, "a3", 90, 12)
		send(q, acks, "b1", 13)
		synctest.Wait()
		if got := topic.text(); strings.Count(got, "=") != 4 || strings.Contains(got, "a2") || acks.Count() != 4 {
			t.Fatalf("%d acknowledged: %s", acks.Count(), got)
		}
		send(q, acks, "a2", 14)
		send(q, acks, "a4", 15)
		synctest.Wait()
		if acks.Count() != 5 {
			t.Errorf("%d acknowledged, want 5: the fifth does not wait for the parked ones", acks.Count())
		}
		err := q.ready(time.Now())
		if !errors.Is(err, kafka.MessageSizeTooLarge) || !strings.Contains(err.Error(), "3 messages wait that topic labels does not take; the largest has 103 bytes: set its max.message.bytes to 615 or more") {
			t.Errorf("%v", err)
		}
		if n := testutil.ToFloat64(q.metrics.failures); n != 1 {
			t.Errorf("%v failures, want 1, of the message that is too large", n)
		}
		topic.set(func(f *fakeTopic) { f.maxBytes = 200 })
		time.Sleep(2 * parkedInterval)
		synctest.Wait()
		if got := topic.text(); !strings.HasSuffix(got, "a2=101 a2=11 a2=14") || acks.Count() != 8 {
			t.Errorf("%d acknowledged: %s", acks.Count(), got)
		}
		if err := q.ready(time.Now()); err != nil {
			t.Errorf("the topic takes all: %v", err)
		}
	})
}

// Messages without a key do not wait for a parked one without a key.
func TestMessagesWithoutKeyDoNotWait(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		for _, bytes := range []int{101, 10} {
			q.send(t.Context(), Message{Topic: "labels", Value: make([]byte, bytes), Acker: acks})
		}
		synctest.Wait()
		if topic.text() != "=10" || parked(q) != 1 {
			t.Errorf("written: %s; %d parked", topic.text(), parked(q))
		}
	})
}

// A topic that takes few bytes at once is written in small parts. None is too large.
func TestTooMuchTogetherIsSplit(t *testing.T) {
	for _, sizes := range [][]int{{60, 60}, {60, 60, 60}, {0, 1, 2, 3, 50, 60, 70, 80, 90, 100}} {
		topic := &fakeTopic{maxBytes: 100}
		runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
			var want []string
			send(q, acks, "a", sizes...)
			for _, n := range sizes {
				want = append(want, fmt.Sprint("a=", n))
			}
			synctest.Wait()
			if got := topic.text(); got != strings.Join(want, " ") || q.ready(time.Now()) != nil {
				t.Errorf("%v: %s", q.ready(time.Now()), got)
			}
			if n := testutil.ToFloat64(q.metrics.failures); n != 0 {
				t.Errorf("%v failures", n)
			}
		})
	}
}

// With maxParked messages parked the queue takes no further batch. Senders then wait.
func TestParkedIsBounded(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		for n := range 99 {
			send(q, acks, fmt.Sprint(n), 101)
			synctest.Wait()
		}
		send(q, acks, "small", 1)
		synctest.Wait()
		if parked(q) != 99 || acks.Count() != 1 {
			t.Errorf("%d parked, %d acknowledged: want 99 and 1", parked(q), acks.Count())
		}
		send(q, acks, "last", 101)
		synctest.Wait()
		send(q, acks, "small", 1)
		synctest.Wait()
		if parked(q) != 100 || len(q.waiting) != 1 {
			t.Errorf("%d parked, %d wait: want 100 and 1", parked(q), len(q.waiting))
		}
	})
}

// One batch may come on top of maxParked. All of it is written once the topic takes it.
func TestParkedBatchIsWritten(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		const total = 2 * batchMessages
		for range total {
			send(q, acks, "a", 101)
		}
		synctest.Wait()
		if n := parked(q); n < maxParked || n >= maxParked+batchMessages || n+len(q.waiting) != total {
			t.Errorf("%d are parked and %d wait, of %d; at least %d may be parked, and less than a batch more", n, len(q.waiting), total, maxParked)
		}
		topic.set(func(f *fakeTopic) { f.maxBytes = 200 })
		time.Sleep(2 * parkedInterval)
		synctest.Wait()
		if parked(q) != 0 || len(q.waiting) != 0 || acks.Count() != total {
			t.Errorf("the topic takes all: %d parked, %d wait, %d acknowledged", parked(q), len(q.waiting), acks.Count())
		}
	})
}

// Parked messages are tried every two seconds from when the first was parked, while
// other messages are written.
func TestParkedIsTriedAgain(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		time.Sleep(time.Second)
		send(q, acks, "b", 1)
		time.Sleep(500 * time.Millisecond)
		parkedAt := time.Now()
		send(q, acks, "a", 101)
		time.Sleep(time.Second)
		send(q, acks, "b", 1)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		var waits []time.Duration
		topic.set(func(f *fakeTopic) {
			for _, at := range f.attempts[1:] {
				waits = append(waits, at.Sub(parkedAt))
			}
		})
		if fmt.Sprint(waits) != "[0s 1s 2s 4s]" {
			t.Errorf("attempts %v after the message was parked", waits)
		}
	})
}

// logLines counts log lines.
type logLines struct {
	slog.Handler
	n *int
}

func (l logLines) Enabled(context.Context, slog.Level) bool { return true }

func (l logLines) Handle(context.Context, slog.Record) error { *l.n++; return nil }

// A message that stays parked is logged once, and once more if it is parked anew.
func TestParkedIsLoggedOnce(t *testing.T) {
	topic, lines := &fakeTopic{maxBytes: 100}, 0
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(topic)
		q.log = slog.New(logLines{slog.DiscardHandler, &lines})
		for _, want := range []int{1, 2} {
			q.write(t.Context(), messages(nil, strings.Repeat("x", 101)))
			for range 3 {
				q.updateParkedErr()
			}
			if lines != want {
				t.Errorf("%d log lines, want %d", lines, want)
			}
			q.parked = nil
			if q.updateParkedErr(); q.ready(time.Now()) != nil {
				t.Error("nothing is parked, but the topic is not ready")
			}
		}
	})
}

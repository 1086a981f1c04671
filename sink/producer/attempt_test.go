package producer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
)

// Of a write that fails in part, only the failed messages are written again.
func TestOnlyFailedMessagesAreWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts []string
		q := newTestQueue(writerFunc(func(_ context.Context, batch []kafka.Message) error {
			text := ""
			for _, m := range batch {
				text += string(m.Value)
			}
			if attempts = append(attempts, text); len(attempts) == 1 {
				return kafka.WriteErrors{nil, kafka.NotEnoughReplicas, nil, kafka.NotEnoughReplicas}
			}
			return nil
		}))
		acks := &await.Tally{}
		batch := messages(acks, "a", "b", "c", "d")
		for _, m := range batch {
			q.send(t.Context(), m)
		}
		q.write(t.Context(), batch)
		if got := strings.Join(attempts, " "); got != "abcd bd" || acks.Count() != 4 {
			t.Errorf("attempts %s, %d acknowledged", got, acks.Count())
		}
	})
}

// An error that does not say which messages failed stands for all of them.
func TestErrorOfTheWholeBatch(t *testing.T) {
	for _, err := range []error{kafka.NotEnoughReplicas, kafka.WriteErrors{nil, kafka.NotEnoughReplicas}, kafka.WriteErrors{nil}} {
		q := newTestQueue(writerFunc(func(context.Context, []kafka.Message) error { return err }))
		acks := &await.Tally{}
		failed, large := q.attempt(t.Context(), messages(acks, "a", "b", "c"))
		if len(failed) != 3 || len(large) != 0 || acks.Count() != 0 {
			t.Errorf("%v: %d failed, %d large, %d acknowledged", err, len(failed), len(large), acks.Count())
		}
	}
}

// Kafka has two errors for too much in one write.
func TestTooLargeIsNotAFailure(t *testing.T) {
	for _, err := range []error{kafka.MessageSizeTooLarge, kafka.RecordListTooLarge} {
		q := newTestQueue(writerFunc(func(context.Context, []kafka.Message) error { return err }))
		failed, large := q.attempt(t.Context(), messages(nil, "a", "b"))
		if len(failed) != 0 || len(large) != 2 || q.ready(time.Now()) != nil {
			t.Errorf("%v: %d failed, %d large, ready: %v", err, len(failed), len(large), q.ready(time.Now()))
		}
	}
}

// Kafka gets every field of a message. A message needs no Acker.
func TestFieldsOfAMessage(t *testing.T) {
	var got []kafka.Message
	runQueue(t, writerFunc(func(_ context.Context, batch []kafka.Message) error {
		got = append(got, batch...)
		return nil
	}), func(t *testing.T, q *topicQueue, _ *await.Tally) {
		q.send(t.Context(), Message{Topic: "labels", Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "h", Value: []byte("x")}}})
		synctest.Wait()
	})
	if text := fmt.Sprintf("%s %s %s %s", got[0].Topic, got[0].Key, got[0].Value, got[0].Headers); len(got) != 1 || text != "labels k v [{h x}]" {
		t.Errorf("%d messages: %s", len(got), text)
	}
}

// Attempts and their outcomes are counted: two writes fail, of one and three seconds, and a
// third writes both messages at once.
func TestAttemptsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := []time.Duration{time.Second, 3 * time.Second, 0}
		q := newTestQueue(writerFunc(func(context.Context, []kafka.Message) error {
			d := took[0]
			if time.Sleep(d); d == 0 {
				return nil
			}
			took = took[1:]
			return kafka.NotEnoughReplicas
		}))
		reg := prometheus.NewRegistry()
		q.metrics = NewMetrics(reg)
		batch := messages(nil, "a", "b")
		for _, m := range batch {
			q.send(t.Context(), m)
		}
		q.write(t.Context(), batch)
		if f, w := testutil.ToFloat64(q.metrics.failures), testutil.ToFloat64(q.metrics.written.WithLabelValues("labels")); f != 2 || w != 2 {
			t.Errorf("%v failures and %v written, want 2 and 2", f, w)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			h := f.Metric[0].GetHistogram()
			if f.GetName() == "serveflow_write_seconds" && (h.GetSampleCount() != 3 || h.GetSampleSum() != 4) {
				t.Errorf("%d attempts that took %v s, want 3 and 4 s", h.GetSampleCount(), h.GetSampleSum())
			}
		}
		if len(families) != 3 {
			t.Errorf("%d metrics", len(families))
		}
	})
}

// The waits between attempts double from 50 ms to 5 s.
func TestBackoff(t *testing.T) {
	topic := &fakeTopic{err: kafka.TopicAuthorizationFailed}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		send(q, acks, "a", 1)
		time.Sleep(18 * time.Second)
		var waits []time.Duration
		topic.set(func(f *fakeTopic) {
			for i, at := range f.attempts[1:] {
				waits = append(waits, at.Sub(f.attempts[i]))
			}
		})
		if fmt.Sprint(waits) != "[50ms 100ms 200ms 400ms 800ms 1.6s 3.2s 5s 5s]" {
			t.Errorf("waits of %v", waits)
		}
		topic.set(func(f *fakeTopic) { f.err, f.maxBytes = nil, 100 })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if acks.Count() != 1 {
			t.Error("not written 5 s after the topic may be written")
		}
	})
}

// The end of the context ends the wait for the next attempt, and the attempt.
func TestContextEndsAWrite(t *testing.T) {
	for name, topic := range map[string]*fakeTopic{"attempt": {hangs: true}, "backoff": {err: kafka.NotEnoughReplicas}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer stop()
			q, acks, began := newTestQueue(topic), &await.Tally{}, time.Now()
			q.write(ctx, messages(acks, "a"))
			if d := time.Since(began); d != 20*time.Millisecond || len(topic.attempts) != 1 || acks.Count() != 0 {
				t.Errorf("%s: ended after %v and %d attempts, %d acknowledged", name, d, len(topic.attempts), acks.Count())
			}
			if n := testutil.ToFloat64(q.metrics.failures); (n == 0) != (name == "attempt") {
				t.Errorf("%s: %v failures; an attempt that was ended is none", name, n)
			}
			q.write(ctx, messages(acks, "a"))
			if len(topic.attempts) != 1 {
				t.Errorf("%s: an attempt with a context that is done", name)
			}
		})
	}
}

// An attempt has 20 s. Its context ends with it.
func TestAttemptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempt context.Context
		q := newTestQueue(writerFunc(func(ctx context.Context, _ []kafka.Message) error {
			attempt = ctx
			return kafka.NotEnoughReplicas
		}))
		q.attempt(t.Context(), messages(nil, "a"))
		deadline, _ := attempt.Deadline()
		if d := time.Until(deadline); d != 20*time.Second || attempt.Err() == nil {
			t.Errorf("an attempt has %v; its context ends with: %v", d, attempt.Err())
		}
	})
}

// An attempt without an answer for more than 5 s is reported before it fails.
func TestAttemptWithoutAnswer(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100, hangs: true}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		send(q, acks, "a", 1)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if err := q.ready(time.Now()); err != nil {
			t.Errorf("after 5 s: %v", err)
		}
		time.Sleep(time.Second)
		if err := q.ready(time.Now()); err == nil || !strings.Contains(err.Error(), "a write to topic labels has had no answer for 6 s") {
			t.Errorf("after 6 s: %v", err)
		}
		time.Sleep(15 * time.Second)
		if err := q.ready(time.Now()); err == nil || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("in the second attempt, the failure of the first: %v", err)
		}
		topic.set(func(f *fakeTopic) { f.hangs = false })
		time.Sleep(attemptTimeout)
		synctest.Wait()
		if err := q.ready(time.Now().Add(time.Hour)); err != nil || acks.Count() != 1 {
			t.Errorf("%d acknowledged, %v", acks.Count(), err)
		}
	})
}

// A batch that a slow link does not pass in time is written in parts, in order.
func TestSlowLinkGetsLessAtOnce(t *testing.T) {
	for maxMessages, timeout := range map[int]error{1: context.DeadlineExceeded, 3: os.ErrDeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			got, want, acks := "", "abcdefghijk", &await.Tally{}
			q := newTestQueue(writerFunc(func(_ context.Context, batch []kafka.Message) error {
				if len(batch) > maxMessages {
					return timeout
				}
				for _, m := range batch {
					got += string(m.Value)
				}
				return nil
			}))
			batch := messages(acks, strings.Split(want, "")...)
			for _, m := range batch {
				q.send(t.Context(), m)
			}
			q.write(t.Context(), batch)
			if got != want || acks.Count() != int64(len(want)) {
				t.Errorf("written %s, %d acknowledged", got, acks.Count())
			}
		})
	}
}

// A batch is not divided for another failure than a timeout.
func TestOtherFailuresDoNotDivideABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sizes := []int{}
		q := newTestQueue(writerFunc(func(_ context.Context, batch []kafka.Message) error {
			if sizes = append(sizes, len(batch)); len(sizes) < 4 {
				return errors.New("connection reset")
			}
			return nil
		}))
		batch := messages(nil, "a", "b", "c")
		for _, m := range batch {
			q.send(t.Context(), m)
		}
		if q.write(t.Context(), batch); fmt.Sprint(sizes) != "[3 3 3 3]" {
			t.Errorf("attempts of %v messages", sizes)
		}
	})
}

// A single message that times out has the same waits as any other.
func TestTimeoutsOfOneMessageBackOff(t *testing.T) {
	topic := &fakeTopic{err: context.DeadlineExceeded}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		send(q, acks, "a", 1)
		time.Sleep(time.Minute)
		topic.set(func(f *fakeTopic) {
			if len(f.attempts) > 20 {
				t.Errorf("%d attempts in a minute", len(f.attempts))
			}
		})
	})
}

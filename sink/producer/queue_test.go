package producer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
)

func TestCost(t *testing.T) {
	header := kafka.Header{Key: "1234", Value: []byte("12345")}
	for _, test := range []struct {
		message Message
		want    int64
	}{
		{Message{}, 256},
		{Message{Key: []byte("1"), Value: []byte("12")}, 259},
		{Message{Headers: []kafka.Header{header, header}}, 274},
		{Message{Value: make([]byte, 64<<20-257)}, 64<<20 - 1},
		{Message{Value: make([]byte, 64<<20)}, 64 << 20},
	} {
		if got := cost(test.message); got != test.want {
			t.Errorf("a message of %d bytes costs %d, want %d", size(test.message), got, test.want)
		}
	}
}

// A batch has no more than 4000 messages.
func TestBatchIsBoundedInMessages(t *testing.T) {
	for total, want := range map[int]string{1: "[1]", 4000: "[4000]", 9000: "[4000 4000 1000]"} {
		if got := batchSizes(t, total, 0); got != want {
			t.Errorf("%d messages are written in batches of %s, want %s", total, got, want)
		}
	}
}

// A batch is full when its messages cost 8 MiB.
func TestBatchIsBoundedInBytes(t *testing.T) {
	for bytes, want := range map[int]string{1<<20 - overhead: "[8 8 4]", 1<<20 - overhead - 1: "[9 9 2]", 10 << 20: "[1 1 1 1 1 1]"} {
		if got := batchSizes(t, min(20, queueBytes/bytes), bytes); got != want {
			t.Errorf("messages of %d bytes are written in batches of %s, want %s", bytes, got, want)
		}
	}
}

// batchSizes queues messages of so many bytes and says how many go into each write.
func batchSizes(t *testing.T, total, bytes int) string {
	var sizes []int
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		written := 0
		q := newTestQueue(writerFunc(func(_ context.Context, batch []kafka.Message) error {
			sizes = append(sizes, len(batch))
			if written += len(batch); written == total {
				stop()
			}
			return nil
		}))
		for range total {
			q.send(t.Context(), Message{Topic: "labels", Value: make([]byte, bytes)})
		}
		q.run(ctx)
	})
	return fmt.Sprint(sizes)
}

// The messages of a queue are bounded in bytes. Written ones make room for others, and so
// do those whose sender gives up.
func TestQueueIsBoundedInBytes(t *testing.T) {
	topic := &fakeTopic{maxBytes: 100 << 20, err: errors.New("no")}
	runQueue(t, topic, func(t *testing.T, q *topicQueue, acks *await.Tally) {
		ctx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		const large = 1 << 20
		for range 100 {
			q.send(ctx, Message{Topic: "labels", Key: []byte("a"), Value: make([]byte, large), Acker: acks})
		}
		topic.set(func(f *fakeTopic) { f.err = nil })
		time.Sleep(time.Minute)
		if n := acks.Count(); n != 63 {
			t.Errorf("%d messages of 1 MiB and their overhead were queued, want 63", n)
		}
		if !q.budget.TryAcquire(queueBytes) {
			t.Error("written messages keep their part of the budget")
		}
	})
}

// A sender that gives up while the queue has no place for its message takes no bytes.
func TestSenderThatGivesUpTakesNoBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(nil)
		q.waiting = make(chan Message, 1)
		ctx, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		began, m := time.Now(), Message{Topic: "labels", Value: []byte("a")}
		q.send(ctx, m)
		q.send(ctx, m)
		if d := time.Since(began); d != time.Second || len(q.waiting) != 1 {
			t.Errorf("two sends took %v, %d are queued", d, len(q.waiting))
		}
		if left := queueBytes - cost(m); !q.budget.TryAcquire(left) || q.budget.TryAcquire(1) {
			t.Error("the budget lacks more or less than one message")
		}
	})
}

// A queue does not keep a written message's bytes until the next one comes.
func TestWrittenMessagesAreLetGo(t *testing.T) {
	runQueue(t, writerFunc(func(context.Context, []kafka.Message) error { return nil }), func(t *testing.T, q *topicQueue, _ *await.Tally) {
		value := new([1 << 10]byte)
		held := weak.Make(value)
		q.send(t.Context(), Message{Topic: "labels", Value: value[:]})
		synctest.Wait()
		runtime.GC()
		if held.Value() != nil {
			t.Error("the queue holds a written message")
		}
	})
}

package producer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// What is offered to a topic that cannot be written is taken while its queue has room, by
// number and by bytes, and never waited for. It holds back no other topic, and the process is
// ready without it.
func TestOfferNeverWaits(t *testing.T) {
	p := New(brokers.Plain("test", "127.0.0.1:1"), 2, NewMetrics(prometheus.NewRegistry()), quiet)
	offer := func(m Message, want bool) {
		t.Helper()
		if got := p.Offer(m); got != want {
			t.Errorf("taken: %t, want %t", got, want)
		}
	}
	small := Message{Topic: "shadow", Value: []byte("a")}
	offer(small, true)
	offer(small, true)
	offer(small, false)
	q := p.queues["shadow"]
	if left := queueBytes - 2*cost(small); !q.budget.TryAcquire(left) || q.budget.TryAcquire(1) {
		t.Error("what was not taken has a part of the budget")
	}
	<-q.waiting
	offer(small, false) // no bytes are left
	q.update(time.Time{}, errors.New("cannot be written"))
	if err := p.Ready(); err != nil {
		t.Errorf("not ready for want of a topic that nobody waits for: %v", err)
	}
	p.Send(t.Context(), Message{Topic: "labels"})
	p.queues["labels"].update(time.Time{}, errors.New("labels cannot be written"))
	if err := p.Ready(); err == nil || err.Error() != "labels cannot be written" {
		t.Errorf("Ready says %v", err)
	}
}

// What was offered and taken is written as any other message.
func TestOfferedIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := 0
		q := newTestQueue(writerFunc(func(_ context.Context, batch []kafka.Message) error { written += len(batch); return nil }))
		for _, m := range messages(nil, "a", "b") {
			if !q.offer(m) {
				t.Error("not taken")
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { q.run(ctx); close(done) }()
		synctest.Wait()
		if written != 2 || !q.budget.TryAcquire(queueBytes) {
			t.Errorf("%d are written", written)
		}
		stop()
		<-done
	})
}

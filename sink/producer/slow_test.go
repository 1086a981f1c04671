package producer

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// thin is a link over which no more than so many messages are through in time.
type thin struct {
	atMost  int
	written []string
}

func (w *thin) WriteMessages(_ context.Context, msgs ...kafka.Message) error {
	if len(msgs) > w.atMost {
		return context.DeadlineExceeded
	}
	for _, m := range msgs {
		w.written = append(w.written, string(m.Value))
	}
	return nil
}

// What is too much for a slow link at once is written in pieces, in order, and not
// tried whole for ever.
func TestASlowLinkGetsLessAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := &thin{atMost: 3}
		q := newTopicQueue("labels", 100, link, NewMetrics(prometheus.NewRegistry()), quiet)
		acks, batch, want := &tally{}, []Message(nil), ""
		for c := 'a'; c <= 'z'; c++ {
			m := Message{Topic: "labels", Value: []byte(string(c)), Acker: acks}
			q.send(t.Context(), m)
			batch, want = append(batch, <-q.waiting), want+string(c)
		}
		q.write(t.Context(), batch)
		got := ""
		for _, value := range link.written {
			got += value
		}
		if got != want || acks.n.Load() != int64(len(want)) {
			t.Errorf("written %s, %d acknowledged", got, acks.n.Load())
		}
	})
}

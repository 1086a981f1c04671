package producer

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
)

// Where messages are late anyway, those of the next 5 ms go with the first one, unless half a batch is there already.
func TestAWriteFillsWhereMessagesAreLate(t *testing.T) {
	late, on := func() bool { return true }, func() bool { return false }
	for _, c := range []struct {
		name  string
		late  func() bool
		first int // messages that come together
		want  string
	}{
		{"late", late, 1, "[2 1]"},
		{"late, and many", late, 2001, "[2001 2]"},
		{"late, and almost as many", late, 2000, "[2001 1]"},
		{"not late", on, 1, "[1 1 1]"},
		{"nobody says", nil, 1, "[1 1 1]"},
	} {
		var sizes []int
		w := writerFunc(func(_ context.Context, batch []kafka.Message) error {
			sizes = append(sizes, len(batch))
			return nil
		})
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			q := newTestQueue(w)
			q.late = c.late
			for range c.first {
				q.send(ctx, Message{Topic: "labels"})
			}
			go q.run(ctx)
			for range 2 { // one within 5 ms, and one behind that
				time.Sleep(3 * time.Millisecond)
				q.send(ctx, Message{Topic: "labels"})
			}
			time.Sleep(time.Second)
			stop()
		})
		if got := fmt.Sprint(sizes); got != c.want {
			t.Errorf("%s: writes of %s messages, want %s", c.name, got, c.want)
		}
	}
}

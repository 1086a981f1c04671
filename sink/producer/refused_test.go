package producer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// While the broker refuses writes, nothing is acknowledged and Ready returns the reason. Once
// it allows them, everything is written.
func TestTopicThatMayNotBeWritten(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(2, "labels"))
	var allowed atomic.Bool
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if allowed.Load() {
			return nil, nil, false
		}
		return kafkatest.RefuseProduce(req.(*kmsg.ProduceRequest)), nil, true
	})
	p, acks := start(t, addr), &await.Tally{}
	for _, key := range []string{"a", "b", "c", "d"} {
		p.Send(context.Background(), Message{Topic: "labels", Key: []byte(key), Acker: acks})
	}
	await.Until(t, "a reason not to be ready", func() bool { return p.Ready() != nil })
	if err := p.Ready(); !errors.Is(err, kafka.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "grant this client WRITE") {
		t.Errorf("%v", err)
	}
	if acks.Count() != 0 {
		t.Error("acknowledged without being written")
	}
	allowed.Store(true)
	acks.Await(t, 4)
	if n := len(kafkatest.ReadAll(t, addr, "labels")); n != 4 || p.Ready() != nil {
		t.Errorf("%d records, ready: %v", n, p.Ready())
	}
}

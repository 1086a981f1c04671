package consumer

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// While reading is refused the consumer says so without a break, asks with a
// growing wait, and goes on when it is allowed again.
func TestReadingIsRefused(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	var refused atomic.Int64
	var allowed atomic.Bool
	cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if allowed.Load() {
			return nil, nil, false
		}
		refused.Add(1)
		return kafkatest.RefuseFetch(req.(*kmsg.FetchRequest)), nil, true
	})
	h := &harness{}
	c := run(t, config(addr), h)
	send(t, addr, line("a", 1, 0), line("a", 2, .1))

	denied := func() bool { err := c.Ready(); return errors.Is(err, kafka.TopicAuthorizationFailed) }
	await.Until(t, "not ready", denied)
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "not allowed to read topic in: grant this client READ") {
		t.Errorf("%v", err)
	}
	for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if !denied() {
			t.Fatalf("calls itself ready between two refusals: %v", c.Ready())
		}
	}
	if n := refused.Load(); n > 20 {
		t.Errorf("asked %d times in a second", n)
	}
	allowed.Store(true)
	await.Until(t, "a label", func() bool { return h.seen() == "a/2" })
	await.Until(t, "ready", func() bool { return c.Ready() == nil })
}

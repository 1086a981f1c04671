package consumer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// refuse makes a fetch's answer: not allowed to read, for every partition.
func refuse(req *kmsg.FetchRequest) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewFetchResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, int16(kafka.TopicAuthorizationFailed)
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

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
		return refuse(req.(*kmsg.FetchRequest)), nil, true
	})
	h := &harness{}
	c := New(config(addr), func() Decider { return h }, h, NewMetrics(prometheus.NewRegistry()), quiet())
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() { stopped <- c.Run(ctx) }()
	send(t, addr, line("a", 1, 0), line("a", 2, .1))

	denied := func() bool { err := c.Ready(); return errors.Is(err, kafka.TopicAuthorizationFailed) }
	await(t, "not ready", denied)
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
	await(t, "a label", func() bool { return h.seen() == "a/2" })
	await(t, "ready", func() bool { return c.Ready() == nil })
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Offsets that cannot be committed are told when that lasts, not for the moment of
// a rebalance, until they can.
func TestFailingCommitsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := error(nil)
		c := newCommitter("in", map[int]int64{0: 5}, func(map[int]place) error { return broken },
			newPartitionMetrics(prometheus.NewRegistry(), "serveflow"), quiet())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last atomic.Value // of []error: it does not take nil
		last.Store([]error{nil})
		told := func() error { return last.Load().([]error)[0] }
		go c.run(ctx, time.Second, func(err error) { last.Store([]error{err}) })
		step := func(d time.Duration, offset int64, fault error) {
			time.Sleep(d)
			synctest.Wait()
			broken = fault
			c.advance(0, place{low: offset})
		}
		step(100*time.Millisecond, 6, kafka.RebalanceInProgress)
		step(2*time.Second, 7, nil)
		if err := told(); err != nil {
			t.Errorf("a moment's failure: %v", err)
		}
		step(time.Second, 8, kafka.TopicAuthorizationFailed)
		step(7*time.Second, 9, nil)
		if err := told(); !errors.Is(err, kafka.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "commit 1 partitions of in") {
			t.Errorf("failing for seconds: %v", err)
		}
		step(time.Second, 10, nil)
		if err := told(); err != nil {
			t.Errorf("mended: %v", err)
		}
	})
}

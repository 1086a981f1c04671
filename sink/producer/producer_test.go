package producer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

func TestProducerKeepsOrderPerKey(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, "labels"))
	p, acks := start(t, addr), &await.Tally{}
	for i := range 3000 {
		p.Send(context.Background(), Message{Topic: "labels", Key: fmt.Append(nil, "k", i%7), Value: fmt.Append(nil, i), Acker: acks})
	}
	acks.Await(t, 3000)
	last := map[string]int{}
	records := kafkatest.ReadAll(t, addr, "labels")
	for _, r := range records {
		var i int
		fmt.Sscan(string(r.Value), &i)
		if was, ok := last[string(r.Key)]; ok && i <= was {
			t.Fatalf("key %s: %d after %d", r.Key, i, was)
		}
		last[string(r.Key)] = i
	}
	if len(records) != 3000 {
		t.Errorf("%d records, want 3000", len(records))
	}
}

// The partition of each key, of 6, as Java's client chooses it: from Kafka 4.3.1's
// Utils.toPositive(Utils.murmur2(key)) % 6, run over these keys.
func TestProducerPartitionsLikeJava(t *testing.T) {
	want := map[string]int{
		"a":                                4,
		"ab":                               2,
		"abc":                              3,
		"abcd":                             2,
		"abcde":                            1,
		"foobar":                           0,
		"CHhAvVGS1DHFjwGM9":                1,
		"ClDKw620o7l2Y4vEY1":               0,
		"C4J4Th3PJpwUYZZ6gc":               2,
		"CmES5u32sYpV7JYN":                 4,
		"hällö":                            4,
		"\x00ÿ":                            5,
		"0123456789abcdef0123456789abcdef": 5,
	}
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, "labels"))
	p, acks := start(t, addr), &await.Tally{}
	for key := range want {
		p.Send(context.Background(), Message{Topic: "labels", Key: []byte(key), Acker: acks})
	}
	acks.Await(t, int64(len(want)))
	for _, r := range kafkatest.ReadAll(t, addr, "labels") {
		if r.Partition != want[string(r.Key)] {
			t.Errorf("key %q is on partition %d, Java says %d", r.Key, r.Partition, want[string(r.Key)])
		}
	}
}

func TestMissingTopicIsNamedAndWaitedFor(t *testing.T) {
	addr, _ := kafkatest.Fake(t)
	p, acks := start(t, addr), &await.Tally{}
	p.Send(context.Background(), Message{Topic: "later", Value: []byte("x"), Acker: acks})
	await.Until(t, "a reason not to be ready", func() bool { return p.Ready() != nil })
	if err := p.Ready(); !errors.Is(err, kafka.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "topic later is missing: create it") {
		t.Errorf("%v", err)
	}
	if acks.Count() != 0 {
		t.Error("acknowledged without being written")
	}
	kafkatest.CreateTopic(t, addr, "later", 1, nil)
	acks.Await(t, 1)
	if err := p.Ready(); err != nil {
		t.Errorf("ready again: %v", err)
	}
}

// Every write asks for all in-sync replicas: one that only the leader has is lost with it.
func TestWritesAskForAllReplicas(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "labels"))
	var acks atomic.Int64
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		acks.Store(int64(req.(*kmsg.ProduceRequest).Acks))
		return nil, nil, false
	})
	p, written := start(t, addr), &await.Tally{}
	p.Send(t.Context(), Message{Topic: "labels", Key: []byte("a"), Acker: written})
	written.Await(t, 1)
	if acks.Load() != -1 {
		t.Errorf("a write asks for %d acknowledgements, want -1, all in-sync replicas", acks.Load())
	}
}

func TestWritesAreCounted(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "labels"))
	reg := prometheus.NewRegistry()
	p, written := New(brokers.Plain("test", addr), 100, NewMetrics(reg), quiet), &await.Tally{}
	run(t, p)
	for range 3 {
		p.Send(t.Context(), Message{Topic: "labels", Key: []byte("a"), Acker: written})
	}
	written.Await(t, 3)
	p.Send(t.Context(), Message{Topic: "missing", Key: []byte("a"), Acker: written})
	await.Until(t, "a failure", func() bool { return testutil.ToFloat64(p.metrics.failures) > 0 })
	if n := testutil.ToFloat64(p.metrics.written.WithLabelValues("labels")); n != 3 {
		t.Errorf("%v messages counted as written, want 3", n)
	}
	if n := testutil.ToFloat64(p.metrics.written.WithLabelValues("missing")); n != 0 {
		t.Errorf("%v messages counted as written to a topic that is missing", n)
	}
	if testutil.CollectAndCount(p.metrics.latency) != 1 {
		t.Error("no latency is shown")
	}
}

// One topic that cannot be written does not hold back another's messages.
func TestTopicsDoNotHoldBackEachOther(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "labels"))
	p, acks, dead := start(t, addr), &await.Tally{}, &await.Tally{}
	p.Send(t.Context(), Message{Topic: "in.dlq", Value: []byte("bad"), Acker: dead})
	for i := range 300 {
		p.Send(t.Context(), Message{Topic: "labels", Key: fmt.Append(nil, i), Acker: acks})
	}
	acks.Await(t, 300)
	if dead.Count() != 0 {
		t.Error("acknowledged without a topic")
	}
	await.Until(t, "a reason not to be ready", func() bool { return p.Ready() != nil })
	if err := p.Ready(); err == nil || !strings.Contains(err.Error(), "topic in.dlq is missing") {
		t.Errorf("%v", err)
	}
	kafkatest.CreateTopic(t, addr, "in.dlq", 1, nil)
	dead.Await(t, 1)
}

package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// tally counts acknowledgements from any goroutine.
type tally struct{ n atomic.Int64 }

func (a *tally) Ack() { a.n.Add(1) }

func (a *tally) await(t *testing.T, want int64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); a.n.Load() < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d acknowledged, want %d", a.n.Load(), want)
		}
	}
}

// start runs a producer until the test ends.
func start(t *testing.T, addr string) *Producer {
	p := NewProducer(brokers.Plain("test", addr), 100, NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func TestProducerKeepsOrderPerKey(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, "labels"))
	p, acks := start(t, addr), &tally{}
	for i := range 3000 {
		p.Send(context.Background(), Message{Topic: "labels", Key: fmt.Append(nil, "k", i%7), Value: fmt.Append(nil, i), Pin: acks})
	}
	acks.await(t, 3000)
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

// Java's DefaultPartitioner puts these keys on these of 6 partitions.
func TestProducerPartitionsLikeJava(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, "labels"))
	p, acks := start(t, addr), &tally{}
	keys := []string{"CHhAvVGS1DHFjwGM9", "a", "foobar"}
	for _, key := range keys {
		p.Send(context.Background(), Message{Topic: "labels", Key: []byte(key), Pin: acks})
	}
	acks.await(t, int64(len(keys)))
	for _, r := range kafkatest.ReadAll(t, addr, "labels") {
		if want := int(murmur2(r.Key)&0x7fffffff) % 6; r.Partition != want {
			t.Errorf("key %s on partition %d, Java says %d", r.Key, r.Partition, want)
		}
	}
}

// murmur2 is org.apache.kafka.common.utils.Utils.murmur2, which gives
// -790332482 for foobar.
func murmur2(data []byte) int32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
	}
	if len(data) > 0 {
		h *= m
	}
	h ^= h >> 13
	h *= m
	return int32(h ^ h>>15)
}

func TestMurmur2(t *testing.T) {
	if got := murmur2([]byte("foobar")); got != -790332482 {
		t.Errorf("foobar: %d", got)
	}
}

func TestMissingTopicIsNamedAndWaitedFor(t *testing.T) {
	addr, _ := kafkatest.Fake(t)
	p, acks := start(t, addr), &tally{}
	p.Send(context.Background(), Message{Topic: "later", Value: []byte("x"), Pin: acks})
	for deadline := time.Now().Add(10 * time.Second); p.Ready() == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still calls itself ready")
		}
	}
	if err := p.Ready(); !errors.Is(err, kafka.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "topic later is missing: create it") {
		t.Errorf("%v", err)
	}
	if acks.n.Load() != 0 {
		t.Error("acknowledged without being written")
	}
	kafkatest.CreateTopic(t, addr, "later", 1, nil)
	acks.await(t, 1)
	if err := p.Ready(); err != nil {
		t.Errorf("ready again: %v", err)
	}
}

func TestDeadLetterCarriesItsOrigin(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in.dlq"))
	p, acks := start(t, addr), &tally{}
	DeadLetters{p, "in.dlq"}.Put(context.Background(), DeadLetter{Value: []byte("\x00bad"), Topic: "in", Partition: 3, Offset: 42,
		Reason: "syntax", Err: errors.New("not JSON"), Pin: acks})
	acks.await(t, 1)
	r := kafkatest.ReadAll(t, addr, "in.dlq")[0]
	got := map[string]string{}
	for _, h := range r.Headers {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{"error": "not JSON", "reason": "syntax", "topic": "in", "partition": "3", "offset": "42", "stage": "decode"}
	if string(r.Value) != "\x00bad" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q %v", r.Value, got)
	}
}

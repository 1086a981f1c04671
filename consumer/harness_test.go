package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// line is a packet record; at is seconds.
func line(uid string, n int, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"pkt","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","n":%d,"is_orig":true,"hdr":"RQAAHA=="}`,
		1.7e9+at, uid, n)
}

// endLine is an end record; at is the time of the flow's last packet.
func endLine(uid string, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"end","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp"}`, 1.7e9+at, uid)
}

// write writes messages to the topic.
func write(t *testing.T, addr string, messages []kafka.Message) {
	t.Helper()
	transport := &kafka.Transport{} // not the process's, which nobody closes
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "in", Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, Transport: transport, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	if err := w.WriteMessages(context.Background(), messages...); err != nil {
		t.Fatal(err)
	}
}

// send sends lines to one partition.
func send(t *testing.T, addr string, lines ...[]byte) {
	t.Helper()
	var all []kafka.Message
	for _, value := range lines {
		all = append(all, kafka.Message{Key: []byte("one partition"), Value: value})
	}
	write(t, addr, all)
}

// harness is a decider and a dead-letter queue that keep what they get.
type harness struct {
	mu       sync.Mutex
	labels   []string // uid and packets
	dead     []delivery.DeadLetter
	withhold bool // labels are not acknowledged
}

func (h *harness) Close() {}

func (h *harness) Decide(_ context.Context, f *flow.Flow) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.labels = append(h.labels, fmt.Sprintf("%s/%d", f.UID, f.Reach()))
	if !h.withhold {
		f.Acker.Ack()
	}
	return true
}

func (h *harness) Put(_ context.Context, l delivery.DeadLetter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l.Value = slices.Clone(l.Value)
	h.dead = append(h.dead, l)
	l.Acker.Ack()
}

// seen lists the labels in the order in which they were given.
func (h *harness) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.labels, " ")
}

// rejected is how many dead letters there are.
func (h *harness) rejected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.dead)
}

func config(addr string) Config {
	return Config{Cluster: brokers.Plain("consumer-test", addr), Topic: "in", Group: "g", SessionTimeout: 30 * time.Second, CommitEvery: 20 * time.Millisecond,
		DrainTimeout: 200 * time.Millisecond, MaxWait: 50 * time.Millisecond, FetchBytes: 1 << 20, ReadBack: 1000,
		Flow: flow.Config{Rules: flow.Rules{Depth: 4, Idle: time.Second, MaxAge: time.Minute, Lateness: 100 * time.Millisecond},
			Limits: flow.Limits{Flows: 100, Bytes: 1 << 20, Finished: 100}, Remember: time.Minute, Want: 2}}
}

// member is a member that labels by a harness.
func member(cfg Config, h *harness) *Consumer {
	return New(cfg, func() assembler.Decider { return h }, h, NewMetrics(prometheus.NewRegistry()), quiet())
}

// start runs a member. What it gives stops the member and waits for it; it is called
// when the test ends, too.
func start(t *testing.T, c *Consumer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// run runs a member until the test ends.
func run(t *testing.T, cfg Config, h *harness) *Consumer {
	t.Helper()
	c := member(cfg, h)
	start(t, c)
	return c
}

// consume runs a member until done reports true, and stops it.
func consume(t *testing.T, cfg Config, h *harness, done func() bool) {
	t.Helper()
	c := member(cfg, h)
	stop := start(t, c)
	await.Until(t, "what the member is to do", done, func() any { return "labels so far: " + h.seen() }, func() any { return c.Ready() })
	stop()
}

func fake(t *testing.T) string {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	return addr
}

// committed is the group's offset in partition 0; -1 where there is none.
func committed(t *testing.T, addr string) int64 {
	t.Helper()
	offsets := kafkatest.CommittedOffsets(t, addr, "g", "in")
	if offset, ok := offsets[0]; ok {
		return offset
	}
	return -1
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// spread sends each flow's lines, two by two, to one of the topic's partitions.
func spread(t *testing.T, addr string, lines [][]byte) {
	t.Helper()
	var all []kafka.Message
	for i, value := range lines {
		all = append(all, kafka.Message{Key: fmt.Append(nil, i/2), Value: value})
	}
	write(t, addr, all)
}

// problem is what was reported of a partition, or of the whole member.
func (h *health) problem(of int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.problems[of]
}

// assigned is how many partitions a member owns.
func assigned(c *Consumer) int { return int(testutil.ToFloat64(c.metrics.assigned)) }

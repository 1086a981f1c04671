package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// line is a packet record; at is seconds.
func line(uid string, n int, at float64) []byte {
	return fmt.Appendf(nil, `{"ev":"pkt","ts":%.6f,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"udp","n":%d,"is_orig":true,"hdr":"RQAAHA=="}`,
		1.7e9+at, uid, n)
}

func send(t *testing.T, addr string, lines ...[]byte) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "in", Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond}
	defer w.Close()
	var all []kafka.Message
	for _, value := range lines {
		all = append(all, kafka.Message{Key: []byte("one partition"), Value: value})
	}
	if err := w.WriteMessages(context.Background(), all...); err != nil {
		t.Fatal(err)
	}
}

// harness is a decider and a graveyard that keep what they get.
type harness struct {
	mu     sync.Mutex
	labels []string // uid and packets
	dead   []BadRecord
	held   []flow.Acker // labels that are not written yet
	hold   bool
}

func (h *harness) Decide(f *flow.Flow) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.labels = append(h.labels, fmt.Sprintf("%s/%d", f.UID, f.Reach()))
	if h.hold {
		h.held = append(h.held, f.Pin)
	} else {
		f.Pin.Ack()
	}
	return true
}

func (h *harness) Bury(_ context.Context, r BadRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Value = []byte(string(r.Value))
	h.dead = append(h.dead, r)
	r.Pin.Ack()
}

func (h *harness) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.labels, " ")
}

func config(addr string) Config {
	return Config{Cluster: brokers.Plain("consumer-test", addr), Topic: "in", Group: "g", SessionTimeout: 30 * time.Second, CommitEvery: 20 * time.Millisecond,
		DrainTimeout: 200 * time.Millisecond, MaxWait: 50 * time.Millisecond, FetchBytes: 1 << 20, ReadBack: 1000,
		Flow: flow.Config{Rules: flow.Rules{Depth: 4, Idle: time.Second, MaxAge: time.Minute, Lateness: 100 * time.Millisecond},
			Limits: flow.Limits{Flows: 100, Bytes: 1 << 20, Finished: 100}, Remember: time.Minute, Want: 2}}
}

// consume runs a member until done says so, and stops it.
func consume(t *testing.T, cfg Config, h *harness, done func() bool) *Consumer {
	t.Helper()
	c := New(cfg, func() Decider { return h }, h, NewMetrics(prometheus.NewRegistry()), quiet())
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- c.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain; labels so far: %s; not ready because %v", h.seen(), c.Ready())
		}
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	return c
}

func fake(t *testing.T) string {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	return addr
}

func committed(t *testing.T, addr string) int64 {
	t.Helper()
	offsets := kafkatest.CommittedOffsets(t, addr, "g", "in")
	if offset, ok := offsets[0]; ok {
		return offset
	}
	return -1
}

func TestConsumerLabelsAndCommits(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0), line("b", 1, .1), line("a", 2, .2), line("b", 2, .3))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2 b/2" })
	if got := committed(t, addr); got != 4 {
		t.Errorf("committed %d, want 4", got)
	}
}

// The low watermark stays below an open flow and below a label under way.
func TestCommitStaysBelowWhatIsNeeded(t *testing.T) {
	addr, h := fake(t), &harness{hold: true}
	send(t, addr, line("done", 1, 0), line("done", 2, .1), line("open", 1, .2))
	consume(t, config(addr), h, func() bool { return h.seen() == "done/2" })
	if got := committed(t, addr); got > 0 {
		t.Errorf("committed %d although a label from offset 0 is not written", got)
	}
}

// A record that cannot be read goes to the dead letters and harms nothing else.
func TestBadRecordHarmsOnlyItself(t *testing.T) {
	addr, h := fake(t), &harness{}
	bad := []string{"", "\x00\x01", `{"ev":"pkt"`, `{"ev":"pkt","ts":"now"}`}
	send(t, addr, line("a", 1, 0))
	for _, b := range bad {
		send(t, addr, []byte(b))
	}
	send(t, addr, line("a", 2, .1))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2" })
	if len(h.dead) != len(bad) || committed(t, addr) != int64(len(bad)+2) {
		t.Fatalf("%d dead letters, committed %d", len(h.dead), committed(t, addr))
	}
	for i, r := range h.dead {
		var why *zeek.Error
		if string(r.Value) != bad[i] || r.Offset != int64(i+1) || r.Topic != "in" || !errors.As(r.Err, &why) {
			t.Errorf("dead letter %d: %q at %d: %v", i, r.Value, r.Offset, r.Err)
		}
	}
}

// After a restart, later packets of a flow that was labelled before it open
// nothing; a flow that really lost its first packet is labelled.
func TestTailsAfterARestart(t *testing.T) {
	addr := fake(t)
	before, after := &harness{}, &harness{}
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2" && committed(t, addr) == 2 })
	send(t, addr, line("a", 3, .2), line("lost", 2, .3), line("b", 1, .4), line("b", 2, .5))
	consume(t, config(addr), after, func() bool { return strings.Contains(after.seen(), "lost") })
	if got := after.seen(); got != "b/2 lost/0" {
		t.Errorf("labelled after the restart: %q, want b/2 and lost/0", got)
	}
}

// What was not committed is labelled again, with the same answer.
func TestUnwrittenLabelIsGivenAgain(t *testing.T) {
	addr := fake(t)
	before, after := &harness{hold: true}, &harness{}
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2" })
	consume(t, config(addr), after, func() bool { return after.seen() == "a/2" })
}

// A flow whose next packet does not come is decided by wall time where no other
// record moves the clock.
func TestIdlePartitionTimesOut(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/1" })
}

func TestLargeRecordsAreRead(t *testing.T) {
	addr, h := fake(t), &harness{}
	padded := func(l []byte, size int) []byte { return append(l, strings.Repeat(" ", size-len(l))...) }
	whole := padded(line("a", 2, .1), zeek.MaxRecord)
	beyond := padded(line("b", 1, .1), zeek.MaxRecord+1)
	send(t, addr, line("a", 1, 0), beyond, whole)
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2" })
	var bad *zeek.Error
	if len(h.dead) != 1 || !errors.As(h.dead[0].Err, &bad) || bad.Reason != zeek.TooLong || string(h.dead[0].Value) != string(beyond) {
		t.Errorf("%d dead letters, %v", len(h.dead), bad)
	}
}

func TestOffsetsOutsideTheLog(t *testing.T) {
	p := &partition{Consumer: New(Config{Topic: "in"}, nil, nil, NewMetrics(prometheus.NewRegistry()), quiet())}
	p.log = quiet()
	p.tail.next = 5
	if err := p.within(0, 10); err != nil {
		t.Error(err)
	}
	if err := p.within(8, 10); !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "3 of in/0") {
		t.Errorf("three records were deleted: %v", err)
	}
	if err := p.within(0, 4); err == nil || !strings.Contains(err.Error(), "past the log's end 4") {
		t.Errorf("past the end: %v", err)
	}
	p.cfg.SkipTruncated = true
	if err := p.within(8, 10); err != nil || p.pins.next != 8 || p.tail.next != 8 {
		t.Errorf("told to go on: %v, next %d", err, p.pins.next)
	}
}

// A flow that stays open holds the watermark; those that finished above it are not
// labelled again after a restart, and their later packets open nothing. The open one
// is gone on with.
func TestFinishedAboveTheWatermarkStaysFinished(t *testing.T) {
	addr := fake(t)
	before, after := &harness{}, &harness{}
	send(t, addr, line("open", 1, 0), line("a", 1, .1), line("a", 2, .2), []byte("bad"), line("b", 1, .3), line("b", 2, .4))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2 b/2" })
	if got := committed(t, addr); got > 0 {
		t.Fatalf("committed %d although a flow is open from 0 on", got)
	}
	send(t, addr, line("a", 3, .5), line("open", 2, .6), line("c", 1, .7), line("c", 2, .8))
	consume(t, config(addr), after, func() bool { return strings.Contains(after.seen(), "c") })
	if got := after.seen(); got != "open/2 c/2" {
		t.Errorf("labelled after the restart: %q, want open/2 and c/2", got)
	}
	if len(after.dead) > 0 {
		t.Error("the bad record is buried twice")
	}
}

// An offset beyond the end, of a topic that was made anew, is said at once.
func TestOffsetPastTheEndIsSaid(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0))
	client, done := config(addr).Cluster.Client()
	defer done()
	_, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: "g", GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{"in": {{Partition: 0, Offset: 1000}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := New(config(addr), func() Decider { return h }, h, NewMetrics(prometheus.NewRegistry()), quiet())
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() { stopped <- c.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if why := c.Ready(); why != nil && strings.Contains(why.Error(), "lies past the log's end 1") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %v", c.Ready())
		}
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// A process that stood still, or could not read, has heard nothing meanwhile: its
// flows' packets lie in the topic, so its own stillness must not end them.
func TestStandingStillIsNoSilence(t *testing.T) {
	p := &partition{Consumer: New(Config{MaxWait: time.Second}, nil, nil, NewMetrics(prometheus.NewRegistry()), quiet())}
	now := time.Now()
	p.rested = now
	for _, step := range []struct {
		after  time.Duration
		atEnd  bool
		waited time.Duration
	}{
		{time.Second, true, time.Second},
		{time.Minute, true, time.Second}, // halted for a minute
		{time.Second, false, 0},          // there is more to read
		{time.Second, true, time.Second},
	} {
		now = now.Add(step.after)
		if got := p.waited(step.atEnd, now); got != step.waited {
			t.Errorf("after %+v: waited for %v", step, got)
		}
	}
}

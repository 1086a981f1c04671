package ship

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

const deadTopic = "packets.dlq"

// broker is a producer in memory. While it is down, Send blocks.
type broker struct {
	mu       sync.Mutex
	down     bool
	unacked  []delivery.Acker // what came while acks were withheld
	withhold bool
	got      []producer.Message
	before   func(producer.Message) // called for each message before it is taken; may block
	changed  chan struct{}          // closed at every change
}

func newBroker() *broker { return &broker{changed: make(chan struct{})} }

func (b *broker) Send(ctx context.Context, m producer.Message) {
	if b.before != nil {
		b.before(m)
	}
	for {
		b.mu.Lock()
		if !b.down {
			break
		}
		wait := b.changed
		b.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return
		}
	}
	defer b.mu.Unlock()
	b.got = append(b.got, m)
	if b.withhold {
		b.unacked = append(b.unacked, m.Acker)
	} else {
		m.Acker.Ack()
	}
	b.wake()
}

func (b *broker) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *broker) set(down, withhold bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down, b.withhold = down, withhold
	b.wake()
}

// records waits until n messages were sent to a topic, and returns all its values.
func (b *broker) records(t *testing.T, topic string, n int) []string {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		var values []string
		for _, m := range b.got {
			if m.Topic == topic {
				values = append(values, string(m.Value))
			}
		}
		wait := b.changed
		b.mu.Unlock()
		if len(values) >= n {
			return values
		}
		select {
		case <-wait:
		case <-timeout:
			t.Fatalf("%d messages came to %s, want %d; the last ones:\n%s", len(values), topic, n, strings.Join(values[max(0, len(values)-5):], "\n"))
		}
	}
}

// harness runs one shipper over a folder.
type harness struct {
	t      *testing.T
	broker *broker
	dir    string
	cfg    Config
	in     *os.File
	reg    *prometheus.Registry
	s      *Shipper
	stop   func() error // stops the shipper as SIGTERM does; returns Run's error
	done   chan error
	log    logLines
}

func newHarness(t *testing.T) *harness {
	dir := t.TempDir()
	return &harness{t: t, broker: newBroker(), dir: dir, cfg: newConfig(dir)}
}

// newConfig follows serveflow.log in a folder.
func newConfig(dir string) Config {
	return Config{
		Paths: []string{filepath.Join(dir, "serveflow.log")}, Topic: "packets", State: filepath.Join(dir, "state", "ship.json"),
		Checkpoint: 2 * time.Millisecond, Poll: time.Millisecond, DrainTimeout: 5 * time.Second, Lateness: time.Second,
	}
}

func (h *harness) start() *harness {
	h.t.Helper()
	h.reg = prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(testLog{h.t, &h.log}, nil))
	var err error
	h.s, err = Open(h.cfg, h.in, h.broker, deadletter.New(h.broker, deadTopic), NewMetrics(h.reg), log)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := h.s
	go func() { done <- s.Run(ctx) }()
	h.done = done
	stopped := false
	h.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		if closeErr := s.Close(); closeErr != nil {
			h.t.Error(closeErr)
		}
		return err
	}
	h.t.Cleanup(func() { h.stop() })
	return h
}

// testLog writes to the test's log, and keeps the lines. Its level is that of a default start.
type testLog struct {
	t     *testing.T
	lines *logLines
}

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	l.lines.mu.Lock()
	defer l.lines.mu.Unlock()
	l.lines.text = append(l.lines.text, string(b))
	return len(b), nil
}

type logLines struct {
	mu   sync.Mutex
	text []string
}

// with returns the lines with these words.
func (l *logLines) with(words string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.text {
		if strings.Contains(line, words) {
			found = append(found, line)
		}
	}
	return found
}

func (h *harness) path(name string) string { return filepath.Join(h.dir, name) }

func (h *harness) append(name, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	h.check(err)
}

func (h *harness) rename(from, to string) {
	h.t.Helper()
	h.check(os.Rename(h.path(from), h.path(to)))
}

func (h *harness) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// metric returns the sum of a counter or gauge over all its labels.
func (h *harness) metric(name string) float64 {
	h.t.Helper()
	families, err := h.reg.Gather()
	h.check(err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// eventually waits for a condition.
func (h *harness) eventually(what string, is func() bool) {
	h.t.Helper()
	await.Until(h.t, what, is)
}

// record returns packet n of a flow.
func record(uid string, n int) string {
	return fmt.Sprintf(`{"ev":"pkt","ts":1362692526.%06d,"uid":%q,"id.orig_h":"192.0.2.1","id.orig_p":59856,"id.resp_h":"198.51.100.7","id.resp_p":80,"proto":"tcp","n":%d,"is_orig":true}`, n, uid, n)
}

// burst returns the records from to to-1 of a flow, one per line.
func burst(uid string, from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(record(uid, n) + "\n")
	}
	return b.String()
}

// checkOrder checks that the values are records 1 to n of a flow, each once and in order.
func (h *harness) checkOrder(values []string, uid string, n int) {
	h.t.Helper()
	if len(values) != n {
		h.t.Errorf("%d records, want %d", len(values), n)
	}
	for i, value := range values {
		if value != record(uid, i+1) {
			h.t.Fatalf("record %d is %s", i+1, value)
		}
	}
}

func TestRecordsAreKeyedAndUnchanged(t *testing.T) {
	h := newHarness(t)
	h.append("serveflow.log", burst("C1", 1, 3)+`{"ts":1,"id.orig_h":"x"}`+"\n")
	h.start()
	h.broker.records(t, "packets", 3)
	h.append("serveflow.log", record("C1", 3)+"\n")
	values := h.broker.records(t, "packets", 4)
	if values[3] != record("C1", 3) || values[2] != `{"ts":1,"id.orig_h":"x"}` {
		t.Errorf("got %q", values)
	}
	for i, m := range h.broker.got {
		if want := map[bool]string{true: "C1", false: ""}[i != 2]; string(m.Key) != want {
			t.Errorf("key %q of %s", m.Key, m.Value)
		}
	}
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	want := `# HELP serveflow_ship_records_total Records handed to the producer, by kind: packet, end, other (another log), unkeyed (another log, no uid).
# TYPE serveflow_ship_records_total counter
serveflow_ship_records_total{kind="packet"} 3
serveflow_ship_records_total{kind="unkeyed"} 1
`
	if err := testutil.GatherAndCompare(h.reg, strings.NewReader(want), "serveflow_ship_records_total"); err != nil {
		t.Error(err)
	}
}

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

	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

const deadTopic = "packets.dlq"

// broker is a producer in memory. While it is down it takes nothing.
type broker struct {
	mu       sync.Mutex
	down     bool
	unacked  []delivery.Acker // what came while acks were withheld
	withhold bool
	got      []producer.Message
	changed  chan struct{} // closed at every change
}

func newBroker() *broker { return &broker{changed: make(chan struct{})} }

func (b *broker) Send(ctx context.Context, m producer.Message) {
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

// records waits until n messages have come to a topic, and gives all values.
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

// rig runs one shipper over a folder.
type rig struct {
	t      *testing.T
	broker *broker
	dir    string
	cfg    Config
	in     *os.File
	reg    *prometheus.Registry
	s      *Shipper
	stop   func() error // as SIGTERM does; gives Run's error
	done   chan error
}

func newRig(t *testing.T) *rig {
	dir := t.TempDir()
	return &rig{t: t, broker: newBroker(), dir: dir, cfg: newConfig(dir)}
}

// newConfig follows serveflow.log in a folder.
func newConfig(dir string) Config {
	return Config{
		Paths: []string{filepath.Join(dir, "serveflow.log")}, Topic: "packets", State: filepath.Join(dir, "state", "ship.json"),
		Checkpoint: 2 * time.Millisecond, Poll: time.Millisecond, DrainTimeout: 5 * time.Second,
	}
}

func (r *rig) start() *rig {
	r.t.Helper()
	r.reg = prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(logged{r.t}, nil))
	var err error
	r.s, err = Open(r.cfg, r.in, r.broker, deadletter.New(r.broker, deadTopic), NewMetrics(r.reg), log)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := r.s
	go func() { done <- s.Run(ctx) }()
	r.done = done
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		if closeErr := s.Close(); closeErr != nil {
			r.t.Error(closeErr)
		}
		return err
	}
	r.t.Cleanup(func() { r.stop() })
	return r
}

type logged struct{ t *testing.T }

func (l logged) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) append(name, text string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	r.check(err)
}

func (r *rig) rename(from, to string) {
	r.t.Helper()
	r.check(os.Rename(r.path(from), r.path(to)))
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// metric gives a counter's or a gauge's value; all of its labels summed.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	r.check(err)
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

// eventually polls a condition that no channel tells of.
func (r *rig) eventually(what string, is func() bool) {
	r.t.Helper()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			r.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// record is packet n of a flow.
func record(uid string, n int) string {
	return fmt.Sprintf(`{"ev":"pkt","ts":1362692526.%06d,"uid":%q,"id.orig_h":"192.0.2.1","id.orig_p":59856,"id.resp_h":"198.51.100.7","id.resp_p":80,"proto":"tcp","n":%d,"is_orig":true}`, n, uid, n)
}

// burst is records from to to-1 of a flow, a line each.
func burst(uid string, from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(record(uid, n) + "\n")
	}
	return b.String()
}

// inOrder fails unless the values are records 1 to n of a flow, each once.
func (r *rig) inOrder(values []string, uid string, n int) {
	r.t.Helper()
	if len(values) != n {
		r.t.Errorf("%d records, want %d", len(values), n)
	}
	for i, value := range values {
		if value != record(uid, i+1) {
			r.t.Fatalf("record %d is %s", i+1, value)
		}
	}
}

func TestRecordsAreKeyedAndUnchanged(t *testing.T) {
	r := newRig(t)
	r.append("serveflow.log", burst("C1", 1, 3)+`{"ts":1,"id.orig_h":"x"}`+"\n")
	r.start()
	r.broker.records(t, "packets", 3)
	r.append("serveflow.log", record("C1", 3)+"\n")
	values := r.broker.records(t, "packets", 4)
	if values[3] != record("C1", 3) || values[2] != `{"ts":1,"id.orig_h":"x"}` {
		t.Errorf("got %q", values)
	}
	for i, m := range r.broker.got {
		if want := map[bool]string{true: "C1", false: ""}[i != 2]; string(m.Key) != want {
			t.Errorf("key %q of %s", m.Key, m.Value)
		}
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	want := `# HELP serveflow_ship_records_total Records handed to the producer, by kind: packet, end, other (another log), unkeyed (another log, no uid).
# TYPE serveflow_ship_records_total counter
serveflow_ship_records_total{kind="packet"} 3
serveflow_ship_records_total{kind="unkeyed"} 1
`
	if err := testutil.GatherAndCompare(r.reg, strings.NewReader(want), "serveflow_ship_records_total"); err != nil {
		t.Error(err)
	}
}

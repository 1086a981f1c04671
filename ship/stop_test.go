package ship

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

// A stop while nothing can be written ends after the drain timeout, well, because
// everything is still in the file.
func TestStopWhileTheBrokerIsAway(t *testing.T) {
	r := newRig(t)
	r.cfg.DrainTimeout = 20 * time.Millisecond
	r.append("serveflow.log", burst("C1", 1, 6))
	r.start()
	r.broker.records(t, "packets", 5)
	r.checkpointed(1, len(burst("C1", 1, 6)))
	r.broker.set(true, false)
	r.append("serveflow.log", burst("C1", 6, 11))
	r.eventually("lag", func() bool { return r.metric("serveflow_ship_lag_bytes") > 0 })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if at := r.saved().Files[0].Offset; at != int64(len(burst("C1", 1, 6))) {
		t.Errorf("the state moved to %d", at)
	}
	r.broker.set(false, false)
	r.start()
	r.inOrder(r.broker.records(t, "packets", 10), "C1", 10)
}

// From a stream it cannot be read again, and that is said.
func TestStopLosesAStream(t *testing.T) {
	r := newRig(t)
	r.cfg.DrainTimeout = 20 * time.Millisecond
	r.cfg.Paths = []string{Stdin}
	out, in, err := os.Pipe()
	r.check(err)
	defer in.Close()
	r.in = out
	r.broker.set(true, false)
	r.start()
	in.WriteString(burst("C1", 1, 3))
	r.eventually("one under way", func() bool { return r.metric("serveflow_ship_records_total") == 1 })
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "cannot be read again") {
		t.Errorf("got %v", err)
	}
}

// An archive whose reading was stopped goes on where it was.
func TestStoppedArchiveGoesOn(t *testing.T) {
	r := newRig(t)
	r.cfg.DrainTimeout = 20 * time.Millisecond
	r.cfg.Paths = []string{r.path("a.gz")}
	r.append("a.gz", zipped(t, tsvHeader+tsv(burst("C1", 1, 3000))))
	r.broker.set(false, true)
	r.start()
	r.broker.records(t, "packets", 1000)
	r.broker.mu.Lock()
	for _, pin := range r.broker.unacked[:700] {
		pin.Ack()
	}
	r.broker.unacked = r.broker.unacked[700:]
	r.broker.down = true
	r.broker.mu.Unlock()
	r.check(r.stop())
	came := len(r.broker.records(t, "packets", 1000))
	r.broker.set(false, false)
	r.start()
	r.check(<-r.done)
	r.done <- nil
	values := r.broker.records(t, "packets", came+2999-700)
	r.inOrder(append(values[:700:700], values[came:]...), "C1", 2999)
}

type swallow struct{}

func (swallow) Send(_ context.Context, m producer.Message) { m.Acker.Ack() }

// BenchmarkShip is a record's way from an archive to a producer that takes it at once.
func BenchmarkShip(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "a.log")
	var text strings.Builder
	for n := range b.N {
		text.WriteString(record(fmt.Sprintf("C%d", n/10), n%10+1) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	cfg := newConfig(dir)
	cfg.Paths = []string{Stdin}
	s, err := Open(cfg, in, swallow{}, deadletter.New(swallow{}, "dead"), NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

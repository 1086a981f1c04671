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

// A stop while nothing can be written ends after the drain timeout, without an error, because
// everything is still in the file.
func TestStopWhileTheBrokerIsAway(t *testing.T) {
	h := newHarness(t)
	h.cfg.DrainTimeout = 20 * time.Millisecond
	h.append("serveflow.log", burst("C1", 1, 6))
	h.start()
	h.broker.records(t, "packets", 5)
	h.checkpointed(1, len(burst("C1", 1, 6)))
	h.broker.set(true, false)
	h.append("serveflow.log", burst("C1", 6, 11))
	h.eventually("lag", func() bool { return h.metric("serveflow_ship_lag_bytes") > 0 })
	if err := h.stop(); err != nil {
		t.Error(err)
	}
	if at := h.saved().Files[0].Offset; at != int64(len(burst("C1", 1, 6))) {
		t.Errorf("the state moved to %d", at)
	}
	h.broker.set(false, false)
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 10), "C1", 10)
}

// A stream cannot be read again, so such a stop is an error.
func TestStopLosesAStream(t *testing.T) {
	h := newHarness(t)
	h.cfg.DrainTimeout = 20 * time.Millisecond
	h.cfg.Paths = []string{Stdin}
	out, in, err := os.Pipe()
	h.check(err)
	defer in.Close()
	h.in = out
	h.broker.set(true, false)
	h.start()
	in.WriteString(burst("C1", 1, 3))
	h.eventually("one under way", func() bool { return h.metric("serveflow_ship_records_total") == 1 })
	if err := h.stop(); err == nil || !strings.Contains(err.Error(), "cannot be read again") {
		t.Errorf("got %v", err)
	}
}

// An archive whose reading was stopped continues where it was.
func TestStoppedArchiveGoesOn(t *testing.T) {
	h := newHarness(t)
	h.cfg.DrainTimeout = 20 * time.Millisecond
	h.cfg.Paths = []string{h.path("a.gz")}
	h.append("a.gz", zipped(t, tsvHeader+tsv(burst("C1", 1, 3000))))
	h.broker.set(false, true)
	h.start()
	h.broker.records(t, "packets", 1000)
	h.broker.mu.Lock()
	for _, acker := range h.broker.unacked[:700] {
		acker.Ack()
	}
	h.broker.unacked = h.broker.unacked[700:]
	h.broker.down = true
	h.broker.mu.Unlock()
	h.check(h.stop())
	came := len(h.broker.records(t, "packets", 1000))
	h.broker.set(false, false)
	h.start()
	h.check(<-h.done)
	h.done <- nil
	values := h.broker.records(t, "packets", came+2999-700)
	h.checkOrder(append(values[:700:700], values[came:]...), "C1", 2999)
}

type discard struct{}

func (discard) Send(_ context.Context, m producer.Message) { m.Acker.Ack() }

// BenchmarkShip measures a record's way from an archive to a producer that acknowledges at once.
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
	s, err := Open(cfg, in, discard{}, deadletter.New(discard{}, "dead"), NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

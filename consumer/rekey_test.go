package consumer

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// keyed keeps the keys of what is handed on, in order.
type keyed struct {
	mu   sync.Mutex
	keys []string
}

func (k *keyed) Forward(_ context.Context, key, _ []byte, acker delivery.Acker) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append(k.keys, string(key))
	acker.Ack()
}

// From topic to forwarder: what becomes of each record, and what is committed.
func TestRekeyConsumer(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	long := append(line("long", 1, 0), bytes.Repeat([]byte(" "), zeek.MaxRecord)...)
	send(t, addr, line("a", 1, 0), []byte(`{"_path":"weird","ts":1}`), []byte("no record"), endLine("a", 0), long, line("b", 1, .1))
	cfg, out, h, reg := config(addr), &keyed{}, &harness{}, prometheus.NewRegistry()
	c := NewRekey(cfg, out, h, NewRekeyMetrics(reg), quiet())
	stop := start(t, c)
	await.Until(t, "a commit of all six", func() bool { return committed(t, addr) == 6 })
	stop()
	if got := strings.Join(out.keys, " "); got != "a a b" || len(h.dead) != 2 {
		t.Errorf("handed on %s, %d dead", got, len(h.dead))
	}
	got := metricstest.Values(t, reg)
	if got["serveflow_rekey_records_total{forwarded}"] != 3 || got["serveflow_rekey_records_total{passed_by}"] != 1 || got["serveflow_rekey_records_total{dead}"] != 2 {
		t.Errorf("counted %v", got)
	}
}

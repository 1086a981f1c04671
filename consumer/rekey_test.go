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
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "serveflow_rekey_records_total" {
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if got["forwarded"] != 3 || got["passed_by"] != 1 || got["dead"] != 2 {
		t.Errorf("counted %v", got)
	}
}

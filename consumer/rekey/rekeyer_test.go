package rekey

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// rekeyers builds n rekeyers of a member, whose partitions are 10, 11 and so on.
func rekeyers(cfg Config, n int, out Forwarder, reg prometheus.Registerer, log *slog.Logger) []*Rekeyer {
	var partitions []int
	for i := range n {
		partitions = append(partitions, 10+i)
	}
	return New(cfg, partitions, out, NewMetrics(reg), log)
}

func (k *keyed) keys() (keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, rec := range k.records {
		keys = append(keys, string(rec.UID))
	}
	return keys
}

// pinned keeps what was pinned, and what was acknowledged.
type pinned struct{ offsets, acked []int64 }

type pin struct {
	to     *pinned
	offset int64
}

func (p pin) Ack() { p.to.acked = append(p.to.acked, p.offset) }

func (p *pinned) Pin(offset int64) delivery.Acker {
	p.offsets = append(p.offsets, offset)
	return pin{p, offset}
}

// Records with a uid are pinned, and handed on at the partition's end with the bytes that
// they came with; the others are counted alone.
func TestTakeAndForward(t *testing.T) {
	out, reg, pins := &keyed{}, prometheus.NewRegistry(), &pinned{}
	r := rekeyers(testConfig, 1, out, reg, slog.New(slog.DiscardHandler))[0]
	var bad *zeek.Error
	if err := r.Take(t.Context(), []byte("no record"), 4, pins); !errors.As(err, &bad) {
		t.Errorf("%v, want a bad record", err)
	}
	values := []string{string(line("a", 1, 0)), string(endLine("b", 0)), `{"_path":"weird","ts":1}`, string(line("a", 2, .1))}
	for i, value := range values {
		buffer := []byte(value)
		if err := r.Take(t.Context(), buffer, int64(5+i), pins); err != nil {
			t.Fatal(err)
		}
		clear(buffer) // the caller uses it again
	}
	r.WarmUp(t.Context(), line("before", 1, 0))
	r.AfterFetch(t.Context(), false, 0)
	if r.Open() != 3 || len(out.keys()) != 0 {
		t.Errorf("%d wait, handed on %q: too few are there to look ahead", r.Open(), out.keys())
	}
	r.AfterFetch(t.Context(), true, 0)
	if got := out.keys(); !slices.Equal(got, []string{"a", "b", "a"}) || r.Open() != 0 {
		t.Errorf("handed on %q; %d wait", got, r.Open())
	}
	for i, want := range []string{values[0], values[1], values[3]} {
		if string(out.values[i]) != want || cap(out.values[i]) != len(want) {
			t.Errorf("handed on %s, want %s", out.values[i], want)
		}
	}
	if want := []int64{5, 6, 8}; !slices.Equal(pins.offsets, want) || !slices.Equal(pins.acked, want) {
		t.Errorf("pinned %d, acknowledged %d, want %d", pins.offsets, pins.acked, want)
	}
	want := map[string]float64{"serveflow_rekey_records_total{forwarded}": 3, "serveflow_rekey_records_total{passed_by}": 1,
		"serveflow_rekey_records_total{dead}": 1, "serveflow_rekey_lost_partitions_total": 0}
	if got := metricstest.Values(t, reg); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// The limits on a record hold here, too.
func TestLimits(t *testing.T) {
	cfg := testConfig
	cfg.Limits.Record = 10
	r := rekeyers(cfg, 1, &keyed{}, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))[0]
	var bad *zeek.Error
	if err := r.Take(t.Context(), line("a", 1, 0), 0, pins{}); !errors.As(err, &bad) || bad.Reason != zeek.TooLong {
		t.Errorf("%v", err)
	}
}

// A partition that cannot be read is given up after a while, told by its number, and counted.
func TestLostPartitionIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		reg, out := prometheus.NewRegistry(), &keyed{}
		all := rekeyers(testConfig, 2, out, reg, slog.New(slog.NewTextHandler(&text, nil)))
		all[0].Take(t.Context(), line("a", 1, 0), 0, pins{})
		began := time.Now()
		all[0].AfterFetch(t.Context(), true, 0)
		if took := time.Since(began); took != lostAfter || len(out.keys()) != 1 {
			t.Errorf("after %v %d are handed on", took, len(out.keys()))
		}
		if n := metricstest.Values(t, reg)["serveflow_rekey_lost_partitions_total"]; n != 1 {
			t.Errorf("%v counted", n)
		}
		if !strings.Contains(text.String(), "topic=in partition=11") {
			t.Errorf("the log says %s", &text)
		}
	})
}

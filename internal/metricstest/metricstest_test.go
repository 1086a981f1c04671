package metricstest

import (
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

func TestValues(t *testing.T) {
	reg := prometheus.NewRegistry()
	make := promauto.With(reg)
	make.NewCounter(prometheus.CounterOpts{Name: "failures_total"}).Add(2)
	make.NewCounter(prometheus.CounterOpts{Name: "zero_total"})
	make.NewGaugeVec(prometheus.GaugeOpts{Name: "open"}, []string{"topic", "partition"}).WithLabelValues("in", "3").Set(-1)
	want := map[string]float64{"failures_total": 2, "zero_total": 0, "open{3,in}": -1}
	if got := Values(t, reg); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

package producer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics count what a producer writes.
type Metrics struct {
	written  *prometheus.CounterVec
	failures prometheus.Counter
	latency  prometheus.Histogram
}

// NewMetrics registers the sink's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	make := promauto.With(reg)
	return &Metrics{
		written: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_written_total",
			Help: "Messages written and acknowledged, by topic."}, []string{"topic"}),
		failures: make.NewCounter(prometheus.CounterOpts{Name: "serveflow_write_failures_total",
			Help: "Failed attempts to write a batch; each is tried again."}),
		latency: make.NewHistogram(prometheus.HistogramOpts{Name: "serveflow_write_seconds",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14), Help: "Wall time of one attempt to write a batch."}),
	}
}

func (m *Metrics) wrote(d time.Duration) { m.latency.Observe(d.Seconds()) }

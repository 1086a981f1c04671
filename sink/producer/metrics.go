package producer

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are what a producer counts.
type Metrics struct {
	written  *prometheus.CounterVec
	failures prometheus.Counter
	latency  prometheus.Histogram
}

// NewMetrics registers a producer's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	factory := promauto.With(reg)
	return &Metrics{
		written: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_written_total",
			Help: "Messages written and acknowledged, by topic."}, []string{"topic"}),
		failures: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_write_failures_total",
			Help: "Failed attempts to write a batch; each is tried again."}),
		latency: factory.NewHistogram(prometheus.HistogramOpts{Name: "serveflow_write_seconds",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14), Help: "Wall time of one attempt to write a batch."}),
	}
}

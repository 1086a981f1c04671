package backlog

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics show how a member keeps up.
type Metrics struct {
	pace       prometheus.Gauge
	catchingUp prometheus.Gauge
}

// NewMetrics registers the metrics, with names that begin with prefix.
func NewMetrics(reg prometheus.Registerer, prefix string) *Metrics {
	m := &Metrics{
		pace: promauto.With(reg).NewGauge(prometheus.GaugeOpts{Name: prefix + "_pace",
			Help: "Seconds of records that are taken in a second, over the last five: above 1 while a member gains on a backlog, below 1 while it loses, 1 while it is not late."}),
		catchingUp: promauto.With(reg).NewGauge(prometheus.GaugeOpts{Name: prefix + "_catching_up",
			Help: "1 while records are late anyway and get no later, as after an outage."}),
	}
	m.pace.Set(1)
	return m
}

package shadow

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// mostClasses is up to how many classes of a bundle pairs are counted by class: beyond it the
// series would be too many.
const mostClasses = 64

// Metrics count how the labels of a shadow compare with those of the main bundle.
type Metrics struct {
	pairs    *prometheus.CounterVec
	unpaired prometheus.Counter
	dropped  prometheus.Counter
}

// NewMetrics registers the metrics of one task's shadow.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	factory := promauto.With(reg)
	return &Metrics{
		pairs: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_shadow_pairs_total",
			Help: "Flows with a final label by the main bundle and by its shadow, by both labels; main is * where a bundle has more than 64 classes, and shadow is then same or other."}, []string{"main", "shadow"}),
		unpaired: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_shadow_unpaired_total",
			Help: "Flows of the shadow's share with a final label by one of the two bundles alone, when it was given up to wait for the other."}),
		dropped: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_shadow_labels_dropped_total",
			Help: "Labels of the shadow that were not written, because the queue of its topic was full."}),
	}
}

// Dropped counts a label that there was no room for.
func (m *Metrics) Dropped() { m.dropped.Inc() }

func (m *Metrics) pair(main, shadow Answer) {
	switch {
	case max(main.Classes, shadow.Classes) <= mostClasses:
		m.pairs.WithLabelValues(main.Label, shadow.Label).Inc()
	case main.Label == shadow.Label:
		m.pairs.WithLabelValues("*", "same").Inc()
	default:
		m.pairs.WithLabelValues("*", "other").Inc()
	}
}

package reload

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics count what became of new bundles.
type Metrics struct {
	reloads  *prometheus.CounterVec
	standing *prometheus.GaugeVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	factory := promauto.With(reg)
	return &Metrics{
		reloads: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_bundle_reloads_total",
			Help: "New bundles found in the task's folder: swapped (it is served) or refused."}, []string{"task", "outcome"}),
		standing: factory.NewGaugeVec(prometheus.GaugeOpts{Name: "serveflow_bundle_refused",
			Help: "Whether the bundle in the task's folder is refused, so that the one before it serves on, or none since the start: 1 yes, 0 no; /readyz says why."}, []string{"task"}),
	}
}

// begin shows a task before anything has become of it.
func (m *Metrics) begin(task string) {
	m.reloads.WithLabelValues(task, "swapped")
	m.reloads.WithLabelValues(task, "refused")
	m.stands(task, false)
}

func (m *Metrics) swapped(task string) { m.reloads.WithLabelValues(task, "swapped").Inc() }

func (m *Metrics) refused(task string) { m.reloads.WithLabelValues(task, "refused").Inc() }

// stands shows whether the bundle in the folder is refused.
func (m *Metrics) stands(task string, refused bool) {
	value := 0.0
	if refused {
		value = 1
	}
	m.standing.WithLabelValues(task).Set(value)
}

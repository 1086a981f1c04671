package cascade

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics count what a cascade does with its flows.
type Metrics struct {
	log        *slog.Logger
	labels     *prometheus.CounterVec
	deferrals  *prometheus.CounterVec
	failures   *prometheus.CounterVec
	unlabelled prometheus.Counter
	toLabel    *prometheus.HistogramVec
	wait       *prometheus.HistogramVec
	compute    *prometheus.HistogramVec
	batches    prometheus.Histogram
}

// NewMetrics registers the cascade's metrics.
func NewMetrics(reg prometheus.Registerer, log *slog.Logger) *Metrics {
	make := promauto.With(reg)
	times := prometheus.ExponentialBuckets(0.001, 2, 17) // 1 ms to 65 s; 16 ms is a bound
	return &Metrics{
		log: log,
		labels: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_labels_total",
			Help: "Labels given, by answering stage, reason, and whether final."}, []string{"stage", "reason", "final"}),
		deferrals: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_deferred_total",
			Help: "Flows that a stage was too unsure of."}, []string{"stage"}),
		failures: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_model_failures_total",
			Help: "Flows for which a stage's model returned an error."}, []string{"stage"}),
		unlabelled: make.NewCounter(prometheus.CounterOpts{Name: "serveflow_flows_unlabelled_total",
			Help: "Flows without a label because no stage's model gave an answer."}),
		toLabel: make.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_first_packet_to_label_seconds", Buckets: times,
			Help: "Wall time from a flow's first packet to its final label; true where records are live."}, []string{"stage"}),
		wait: make.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_packet_wait_seconds", Buckets: times,
			Help: "Record time from a flow's first packet to the last one looked at for its final label."}, []string{"stage"}),
		compute: make.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_stage_compute_seconds",
			Buckets: prometheus.ExponentialBuckets(1e-6, 2, 17),
			Help:    "Wall time of features and model; of a whole batch for the slow stage."}, []string{"stage"}),
		batches: make.NewHistogram(prometheus.HistogramOpts{Name: "serveflow_slow_batch_flows",
			Buckets: []float64{1, 2, 4, 8, 16, 32}, Help: "Flows a batch of the slow stage."}),
	}
}

func (m *Metrics) labelled(v *Verdict) {
	final := "false"
	if v.Final {
		final = "true"
		m.toLabel.WithLabelValues(v.Stage).Observe(v.Decided.Sub(time.UnixMicro(v.First)).Seconds())
		m.wait.WithLabelValues(v.Stage).Observe(float64(v.Last-v.First) / 1e6)
	}
	m.labels.WithLabelValues(v.Stage, string(v.Reason), final).Inc()
}

func (m *Metrics) deferred(stage string) { m.deferrals.WithLabelValues(stage).Inc() }

func (m *Metrics) computed(stage string, d time.Duration) {
	m.compute.WithLabelValues(stage).Observe(d.Seconds())
}

func (m *Metrics) batched(stage string, n int, d time.Duration) {
	m.computed(stage, d)
	m.batches.Observe(float64(n))
}

func (m *Metrics) failed(stage string, n int, err error) {
	m.failures.WithLabelValues(stage).Add(float64(n))
	m.log.Warn("model failed", "stage", stage, "flows", n, "err", err)
}

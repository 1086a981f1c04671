package cascade

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics count the decisions, deferrals and failures of a cascade.
type Metrics struct {
	log        *slog.Logger
	logged     atomic.Int64 // when a failure was last logged, nanoseconds since the epoch
	labels     *prometheus.CounterVec
	deferrals  *prometheus.CounterVec
	failures   *prometheus.CounterVec
	unlabelled prometheus.Counter
	toLabel    *prometheus.HistogramVec
	wait       *prometheus.HistogramVec
	compute    *prometheus.HistogramVec
	batches    prometheus.Histogram
	breaker    prometheus.Gauge
	openings   prometheus.Counter
	abandoned  prometheus.Counter
	running    prometheus.Gauge
	parked     prometheus.Gauge
	held       prometheus.Gauge

	labelledBefore prometheus.Counter
}

// NewMetrics registers the cascade's metrics.
func NewMetrics(reg prometheus.Registerer, log *slog.Logger) *Metrics {
	factory := promauto.With(reg)
	times := prometheus.ExponentialBuckets(0.001, 2, 17) // 1 ms to 65 s; 16 ms is a bound
	return &Metrics{
		log: log,
		labels: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_labels_total",
			Help: "Labels given, by answering stage, reason, and whether final."}, []string{"stage", "reason", "final"}),
		deferrals: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_deferred_total",
			Help: "Flows that a stage was too unsure of."}, []string{"stage"}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_model_failures_total",
			Help: "Flows that a stage's model failed on: error, nan (its numbers are no answer), or hang (no answer in time)."}, []string{"stage", "kind"}),
		unlabelled: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_flows_unlabelled_total",
			Help: "Flows without a label because no stage's model gave an answer."}),
		toLabel: factory.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_first_packet_to_label_seconds", Buckets: times,
			Help: "Wall time from a flow's first packet to its final label; true where records are live."}, []string{"stage"}),
		wait: factory.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_packet_wait_seconds", Buckets: times,
			Help: "Record time from a flow's first packet to the last one looked at for its final label."}, []string{"stage"}),
		compute: factory.NewHistogramVec(prometheus.HistogramOpts{Name: "serveflow_stage_compute_seconds",
			Buckets: prometheus.ExponentialBuckets(1e-6, 2, 17),
			Help:    "Wall time of features and model; of a whole batch for the slow stage."}, []string{"stage"}),
		batches: factory.NewHistogram(prometheus.HistogramOpts{Name: "serveflow_slow_batch_flows",
			Buckets: []float64{1, 2, 4, 8, 16, 32}, Help: "Flows a batch of the slow stage."}),
		breaker: factory.NewGauge(prometheus.GaugeOpts{Name: "serveflow_breaker_state",
			Help: "The slow stage's breaker: 0 closed (all is well), 1 half open (a probe is under way), 2 open (flows get the earlier answer)."}),
		openings: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_breaker_openings_total",
			Help: "Times that the slow stage's breaker has opened."}),
		abandoned: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_slow_abandoned_total",
			Help: "Calls of the slow stage's model that were given up, for want of an answer in time or because the process was stopped."}),
		running: factory.NewGauge(prometheus.GaugeOpts{Name: "serveflow_slow_stuck_calls",
			Help: "Calls that were given up and have not returned."}),
		parked: factory.NewGauge(prometheus.GaugeOpts{Name: "serveflow_slow_held_flows",
			Help: "Flows that no earlier stage answered, waiting for the slow stage's breaker to close."}),
		labelledBefore: factory.NewCounter(prometheus.CounterOpts{Name: "serveflow_flows_labelled_before_total",
			Help: "Flows without a label of this process because another bundle had labelled them, and that was not committed: after a crash or a rebalance in the middle of a change of bundles."}),
		held: factory.NewGauge(prometheus.GaugeOpts{Name: "serveflow_bundles_held",
			Help: "Bundles of the task in memory: that of new flows, and earlier ones that flows still need."}),
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
	m.failures.WithLabelValues(stage, kind(err)).Add(float64(n))
	now, last := time.Now().UnixNano(), m.logged.Load()
	if now-last < int64(time.Second) || !m.logged.CompareAndSwap(last, now) {
		return // one line a second is enough; the metric counts all
	}
	m.log.Warn("model failed", "stage", stage, "flows", n, "err", err)
}

func (m *Metrics) opened(stage string, err error, untilProbe time.Duration) {
	m.openings.Inc()
	m.breaker.Set(float64(open))
	m.log.Error("the stage's breaker is open: its flows get the earlier answer, with reason breaker", "stage", stage, "err", err, "probe_in", untilProbe)
}

// probed records how a probe ended, and for how long flows have been rejected.
func (m *Metrics) probed(stage string, err error, rejected time.Duration) {
	if err != nil {
		m.breaker.Set(float64(open))
		m.log.Warn("a probe failed: the stage's breaker stays open", "stage", stage, "err", err, "for", rejected)
		return
	}
	m.breaker.Set(float64(closed))
	m.log.Info("the stage's breaker is closed again", "stage", stage, "after", rejected)
}

// kind is the label of a model's failure in its metric.
func kind(err error) string {
	var nan interface{ NotANumber() }
	switch {
	case errors.Is(err, errTimedOut):
		return "hang"
	case errors.As(err, &nan):
		return "nan"
	}
	return "error"
}

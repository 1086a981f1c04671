package cascade

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/cascade/drift"
)

// Metrics count the decisions, deferrals and failures of a cascade.
type Metrics struct {
	log        *slog.Logger
	logged     atomic.Int64 // when a failure was last logged, nanoseconds since the epoch
	labels     *series[labelKind, prometheus.Counter]
	deferrals  *series[string, prometheus.Counter]
	failures   *prometheus.CounterVec
	unlabelled prometheus.Counter
	toLabel    *series[string, prometheus.Observer]
	steered    *prometheus.CounterVec
	threshold  *prometheus.GaugeVec
	share      *prometheus.GaugeVec
	objective  *prometheus.GaugeVec
	queued     *series[string, prometheus.Observer]
	wait       *series[string, prometheus.Observer]
	compute    *series[string, prometheus.Observer]
	batches    *prometheus.HistogramVec
	breaker    *prometheus.GaugeVec
	openings   *prometheus.CounterVec
	abandoned  *prometheus.CounterVec
	running    *prometheus.GaugeVec
	parked     *prometheus.GaugeVec
	drift      *drift.Collector
	held       prometheus.Gauge

	labelledBefore prometheus.Counter
}

// NewMetrics registers the metrics of a task's cascades.
func NewMetrics(reg prometheus.Registerer, log *slog.Logger) *Metrics {
	m := newMetrics("serveflow", reg, log)
	reg.MustRegister(m.drift)
	return m
}

// NewShadowMetrics registers those of a task's shadow, which have names of their own: what
// adds up, or warns of, the labels that are served must not see them. Drift is not among them.
func NewShadowMetrics(reg prometheus.Registerer, log *slog.Logger) *Metrics {
	return newMetrics("serveflow_shadow", reg, log)
}

func newMetrics(prefix string, reg prometheus.Registerer, log *slog.Logger) *Metrics {
	factory := promauto.With(reg)
	times := prometheus.ExponentialBuckets(0.001, 2, 17) // 1 ms to 65 s; 16 ms is a bound
	return &Metrics{
		log: log,
		labels: byKind(factory, prometheus.CounterOpts{Name: prefix + "_labels_total",
			Help: "Labels given, by answering stage, reason, and whether final."}),
		deferrals: counters(factory, prometheus.CounterOpts{Name: prefix + "_deferred_total",
			Help: "Flows that a stage was too unsure of."}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_model_failures_total",
			Help: "Flows that a stage's model failed on: error, nan (its numbers are no answer), or hang (no answer in time)."}, []string{"stage", "kind"}),
		unlabelled: factory.NewCounter(prometheus.CounterOpts{Name: prefix + "_flows_unlabelled_total",
			Help: "Flows without a label because no stage's model gave an answer."}),
		toLabel: histograms(factory, prometheus.HistogramOpts{Name: prefix + "_first_packet_to_label_seconds", Buckets: times,
			Help: "Wall time from a flow's first packet to its final label; true where records are live."}),
		wait: histograms(factory, prometheus.HistogramOpts{Name: prefix + "_packet_wait_seconds", Buckets: times,
			Help: "Record time from a flow's first packet to the last one looked at for its final label, without a silence that was waited out behind that."}),
		compute: histograms(factory, prometheus.HistogramOpts{Name: prefix + "_stage_compute_seconds",
			Buckets: prometheus.ExponentialBuckets(1e-6, 2, 17),
			Help:    "Wall time of features and model; of a whole batch for the slow stage."}),
		batches: factory.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + "_slow_batch_flows",
			Buckets: []float64{1, 2, 4, 8, 16, 32}, Help: "Flows a batch of the slow stage."}, []string{"stage"}),
		breaker: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_breaker_state",
			Help: "The slow stage's breaker: 0 closed (all is well), 1 half open (a probe is under way), 2 open (flows get the earlier answer)."}, []string{"stage"}),
		openings: factory.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_breaker_openings_total",
			Help: "Times that the slow stage's breaker has opened."}, []string{"stage"}),
		abandoned: factory.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_slow_abandoned_total",
			Help: "Calls of the slow stage's model that were given up, for want of an answer in time or because the process was stopped."}, []string{"stage"}),
		running: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_slow_stuck_calls",
			Help: "Calls that were given up and have not returned."}, []string{"stage"}),
		parked: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_slow_held_flows",
			Help: "Flows that no earlier stage answered, waiting for the slow stage's breaker to close."}, []string{"stage"}),
		steered: factory.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_kept_back_total",
			Help: "Flows that a stage was too unsure of and that load kept from the slow stage: they have that stage's label, with reason degraded."}, []string{"stage"}),
		threshold: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_threshold",
			Help: "Uncertainty above which flows go on to the slow stage now: the bundle's threshold, or a higher one under load."}, []string{"stage"}),
		share: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_slow_share",
			Help: "Share of the flows above a stage's threshold in the bundle that may go on to the slow stage now: 1, or less under load."}, []string{"stage"}),
		objective: factory.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "_latency_objective_seconds",
			Help: "How long 99 of 100 flows may wait for a slow stage: SERVEFLOW_LATENCY_OBJECTIVE, or SERVEFLOW_SLOW_WAIT if that is shorter. Absent where load changes no label."}, nil),
		queued: histograms(factory, prometheus.HistogramOpts{Name: prefix + "_slow_queue_seconds", Buckets: times,
			Help: "Wall time that flows waited for the slow stage, with all their packets there."}),
		labelledBefore: factory.NewCounter(prometheus.CounterOpts{Name: prefix + "_flows_labelled_before_total",
			Help: "Flows without a label of this process because another bundle had labelled them, and that was not committed: after a crash or a rebalance in the middle of a change of bundles."}),
		held: factory.NewGauge(prometheus.GaugeOpts{Name: prefix + "_bundles_held",
			Help: "Bundles of the task in memory: that of new flows, and earlier ones that flows still need."}),
		drift: drift.NewCollector(),
	}
}

func (m *Metrics) labelled(v *Verdict) {
	if v.Final {
		m.toLabel.of(v.Stage).Observe(v.Decided.Sub(time.UnixMicro(v.First)).Seconds())
		m.wait.of(v.Stage).Observe(float64(v.Last-v.First) / 1e6)
	}
	m.labels.of(labelKind{v.Stage, v.Reason, v.Final}).Inc()
}

func (m *Metrics) deferred(stage string) { m.deferrals.of(stage).Inc() }

func (m *Metrics) keptBack(stage string) { m.steered.WithLabelValues(stage).Inc() }

// steers shows the share of a stage's unsure flows that may be deferred, and the threshold
// that was raised to keep the others back.
func (m *Metrics) steers(s *Stage, share, raised float64) {
	m.share.WithLabelValues(s.Name).Set(share)
	m.threshold.WithLabelValues(s.Name).Set(max(s.Threshold, raised))
}

// dequeued records how long the jobs have waited.
func (m *Metrics) dequeued(stage string, jobs []*job) {
	for _, j := range jobs {
		m.queued.of(stage).Observe(time.Since(j.queued).Seconds())
	}
}

func (m *Metrics) computed(stage string, d time.Duration) {
	m.compute.of(stage).Observe(d.Seconds())
}

func (m *Metrics) batched(stage string, n int, d time.Duration) {
	m.computed(stage, d)
	m.batches.WithLabelValues(stage).Observe(float64(n))
}

func (m *Metrics) failed(stage string, n int, err error) {
	m.failures.WithLabelValues(stage, kind(err)).Add(float64(n))
	now, last := time.Now().UnixNano(), m.logged.Load()
	if now-last < int64(time.Second) || !m.logged.CompareAndSwap(last, now) {
		return // one line a second is enough; the metric counts all
	}
	m.log.Warn("model failed", "stage", stage, "flows", n, "err", err)
}

// begin makes the series of a slow stage, so that they are there before anything is wrong. An
// earlier bundle may have a stage of the same name, whose calls are still counted.
func (m *Metrics) begin(stage string) {
	for _, series := range []*prometheus.GaugeVec{m.breaker, m.running, m.parked} {
		series.WithLabelValues(stage).Add(0)
	}
	for _, series := range []*prometheus.CounterVec{m.openings, m.abandoned} {
		series.WithLabelValues(stage).Add(0)
	}
}

func (m *Metrics) opened(stage string, err error, untilProbe time.Duration) {
	m.openings.WithLabelValues(stage).Inc()
	m.breaker.WithLabelValues(stage).Set(float64(open))
	m.log.Error("the stage's breaker is open: its flows get the earlier answer, with reason breaker", "stage", stage, "err", err, "probe_in", untilProbe)
}

// probed records how a probe ended, and for how long flows have been rejected.
func (m *Metrics) probed(stage string, err error, rejected time.Duration) {
	if err != nil {
		m.breaker.WithLabelValues(stage).Set(float64(open))
		m.log.Warn("a probe failed: the stage's breaker stays open", "stage", stage, "err", err, "for", rejected)
		return
	}
	m.breaker.WithLabelValues(stage).Set(float64(closed))
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

package consumer

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow"
)

// partitionMetrics are those of reading partitions and committing, whatever
// becomes of the records.
type partitionMetrics struct {
	offset         *prometheus.GaugeVec
	low            *prometheus.GaugeVec
	gauges         []*prometheus.GaugeVec // all that have a partition as label
	assigned       prometheus.Gauge
	truncated      prometheus.Counter
	unread         map[string]prometheus.Counter // by reason
	fetchFailures  prometheus.Counter
	commitFailures prometheus.Counter
}

// Metrics count what becomes of records, so that conservation can be read off:
// records = sum over outcomes + dead letters; flows opened = final labels +
// unlabelled + open.
type Metrics struct {
	*partitionMetrics
	records    [len(flow.Outcomes)]prometheus.Counter
	open       *prometheus.GaugeVec
	bytes      *prometheus.GaugeVec
	remembered *prometheus.GaugeVec
	forgotten  prometheus.Counter
	headless   prometheus.Counter
}

// NewMetrics registers the consumer's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	p := newPartitionMetrics(reg, "serveflow")
	m := &Metrics{
		partitionMetrics: p,
		open:             p.gauge(reg, "serveflow_open_flows", "Flows without a final label yet."),
		bytes:            p.gauge(reg, "serveflow_open_flow_bytes", "Memory of the open flows."),
		remembered:       p.gauge(reg, "serveflow_finished_uids", "Finished flows whose uid is remembered."),
	}
	m.forgotten = promauto.With(reg).NewCounter(prometheus.CounterOpts{Name: "serveflow_finished_uids_forgotten_total",
		Help: "Finished uids forgotten before their time because SERVEFLOW_MAX_FINISHED left no room: a late packet of such a flow is labelled as a flow of its own."})
	m.headless = promauto.With(reg).NewCounter(prometheus.CounterOpts{Name: "serveflow_flows_headless_total",
		Help: "Flows decided without their first packet: it never came, or the flow had been finished and forgotten."})
	records := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{Name: "serveflow_records_total",
		Help: "Well-formed records taken, by what became of them."}, []string{"outcome"})
	for i, name := range flow.Outcomes {
		m.records[i] = records.WithLabelValues(name)
	}
	return m
}

func (m *Metrics) took(o flow.Outcome) { m.records[o].Inc() }

// newPartitionMetrics registers them under a prefix: the two consumers that one
// process may have must not mix.
func newPartitionMetrics(reg prometheus.Registerer, prefix string) *partitionMetrics {
	make := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return make.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
	}
	m := &partitionMetrics{
		unread: map[string]prometheus.Counter{},
		assigned: make.NewGauge(prometheus.GaugeOpts{Name: prefix + "_assigned_partitions",
			Help: "Partitions that this member owns."}),
		truncated:      counter("_records_truncated_total", "Records deleted before they were read."),
		fetchFailures:  counter("_fetch_failures_total", "Failed reads from the input topic."),
		commitFailures: counter("_commit_failures_total", "Failed offset commits."),
	}
	unread := make.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_unread_total",
		Help: "Records, and rests of batches, that could not be read from the log, by reason."}, []string{"reason"})
	for _, reason := range fetch.Reasons() {
		m.unread[reason] = unread.WithLabelValues(reason)
	}
	m.offset = m.gauge(reg, prefix+"_next_offset", "Offset of the next record to take.")
	m.low = m.gauge(reg, prefix+"_low_watermark", "Lowest offset that an unfinished flow or an unacknowledged record still needs.")
	return m
}

// gauge registers one a partition.
func (m *partitionMetrics) gauge(reg prometheus.Registerer, name, help string) *prometheus.GaugeVec {
	g := promauto.With(reg).NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"partition"})
	m.gauges = append(m.gauges, g)
	return g
}

// observe reads off how far a partition has come.
func (m *partitionMetrics) observe(p *partition) {
	id := strconv.Itoa(p.id)
	m.offset.WithLabelValues(id).Set(float64(p.pins.next))
	m.low.WithLabelValues(id).Set(float64(p.pins.low()))
}

// forget removes a partition that this member no longer reads.
func (m *partitionMetrics) forget(partition int) {
	for _, g := range m.gauges {
		g.DeleteLabelValues(strconv.Itoa(partition))
	}
}

package consumer

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/consumer/flow"
)

// Metrics count what becomes of records, so that conservation can be read off:
// records = sum over outcomes + dead letters; flows opened = final labels +
// unlabelled + open.
type Metrics struct {
	records        [len(flow.Outcomes)]prometheus.Counter
	open           *prometheus.GaugeVec
	bytes          *prometheus.GaugeVec
	remembered     *prometheus.GaugeVec
	offset         *prometheus.GaugeVec
	low            *prometheus.GaugeVec
	assigned       prometheus.Gauge
	truncated      prometheus.Counter
	fetchFailures  prometheus.Counter
	commitFailures prometheus.Counter
}

// NewMetrics registers the consumer's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	make := promauto.With(reg)
	gauge := func(name, help string) *prometheus.GaugeVec {
		return make.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"partition"})
	}
	counter := func(name, help string) prometheus.Counter {
		return make.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		open:       gauge("serveflow_open_flows", "Flows without a final label yet."),
		bytes:      gauge("serveflow_open_flow_bytes", "Memory of the open flows."),
		remembered: gauge("serveflow_finished_uids", "Finished flows whose uid is remembered."),
		offset:     gauge("serveflow_next_offset", "Offset of the next record to take."),
		low:        gauge("serveflow_low_watermark", "Lowest offset that an unfinished flow or an unacknowledged label still needs."),
		assigned: make.NewGauge(prometheus.GaugeOpts{Name: "serveflow_assigned_partitions",
			Help: "Partitions that this member owns."}),
		truncated:      counter("serveflow_records_truncated_total", "Records deleted before they were read."),
		fetchFailures:  counter("serveflow_fetch_failures_total", "Failed reads from the input topic."),
		commitFailures: counter("serveflow_commit_failures_total", "Failed offset commits."),
	}
	records := make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_records_total",
		Help: "Well-formed records taken, by what became of them."}, []string{"outcome"})
	for i, name := range flow.Outcomes {
		m.records[i] = records.WithLabelValues(name)
	}
	return m
}

func (m *Metrics) took(o flow.Outcome) { m.records[o].Inc() }

// observe reads off the state of one partition.
func (m *Metrics) observe(p *partition) {
	id := strconv.Itoa(p.id)
	open, bytes, remembered := p.worker.table.Size()
	m.open.WithLabelValues(id).Set(float64(open))
	m.bytes.WithLabelValues(id).Set(float64(bytes))
	m.remembered.WithLabelValues(id).Set(float64(remembered))
	m.offset.WithLabelValues(id).Set(float64(p.pins.next))
	m.low.WithLabelValues(id).Set(float64(p.pins.low()))
}

// forget removes a partition that this member no longer reads.
func (m *Metrics) forget(partition int) {
	id := strconv.Itoa(partition)
	for _, g := range []*prometheus.GaugeVec{m.open, m.bytes, m.remembered, m.offset, m.low} {
		g.DeleteLabelValues(id)
	}
}

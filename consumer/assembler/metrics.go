package assembler

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/flow"
)

// Metrics count what becomes of records, so that conservation can be read off: records =
// sum over outcomes + dead letters; flows opened = final labels + unlabelled + labelled before + open.
type Metrics struct {
	records      [len(flow.Outcomes)]prometheus.Counter
	open         *prometheus.GaugeVec
	bytes        *prometheus.GaugeVec
	remembered   *prometheus.GaugeVec
	forgotten    prometheus.Counter
	withoutFirst prometheus.Counter
	lateness     *lateness
	tooLate      prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	make := promauto.With(reg)
	gauge := func(name, help string) *prometheus.GaugeVec {
		return make.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"partition"})
	}
	m := &Metrics{
		open:       gauge("serveflow_open_flows", "Flows without a final label yet."),
		bytes:      gauge("serveflow_open_flow_bytes", "Memory of the open flows."),
		remembered: gauge("serveflow_finished_uids", "Finished flows whose uid is remembered."),
		forgotten: make.NewCounter(prometheus.CounterOpts{Name: "serveflow_finished_uids_forgotten_total",
			Help: "Finished uids forgotten before their time because SERVEFLOW_MAX_FINISHED left no room: a late packet of such a flow is labelled as a flow of its own."}),
		withoutFirst: make.NewCounter(prometheus.CounterOpts{Name: "serveflow_flows_without_first_packet_total",
			Help: "Flows decided without their first packet: it never came, or the flow had been finished and forgotten."}),
		lateness: newLateness(),
		tooLate: make.NewCounter(prometheus.CounterOpts{Name: "serveflow_records_beyond_lateness_total",
			Help: "Packet records that came later than SERVEFLOW_LATENESS allows for: their flows may have been decided without them."}),
	}
	reg.MustRegister(m.lateness)
	records := make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_records_total",
		Help: "Well-formed records taken, by what became of them."}, []string{"outcome"})
	for i, name := range flow.Outcomes {
		m.records[i] = records.WithLabelValues(name)
	}
	return m
}

// observe shows what the table holds, and counts what it has lost since the last time.
func (a *Assembler) observe() {
	open, bytes, remembered := a.table.Size()
	a.metrics.open.WithLabelValues(a.partition).Set(float64(open))
	a.metrics.bytes.WithLabelValues(a.partition).Set(float64(bytes))
	a.metrics.remembered.WithLabelValues(a.partition).Set(float64(remembered))
	forgotten, withoutFirst := a.table.Losses()
	a.metrics.forgotten.Add(float64(forgotten - a.forgotten))
	a.metrics.withoutFirst.Add(float64(withoutFirst - a.withoutFirst))
	a.forgotten, a.withoutFirst = forgotten, withoutFirst
	a.metrics.tooLate.Add(float64(a.metrics.lateness.add(a.partition, a.table)))
}

// Forget removes a partition that this member no longer reads.
func (m *Metrics) Forget(partition int) {
	for _, g := range []*prometheus.GaugeVec{m.open, m.bytes, m.remembered} {
		g.DeleteLabelValues(strconv.Itoa(partition))
	}
	m.lateness.forget(strconv.Itoa(partition))
}

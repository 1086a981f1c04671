package consumer

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/consumer/backlog"
	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/partition"
	"github.com/serveflow/serveflow/consumer/rekey"
	"github.com/serveflow/serveflow/flow/zeek"
)

// groupMetrics are those of being a member, whatever becomes of the records.
type groupMetrics struct {
	assigned       prometheus.Gauge
	commitFailures prometheus.Counter
	partitions     *partition.Metrics
	backlog        *backlog.Metrics
}

func newGroupMetrics(reg prometheus.Registerer, prefix string) groupMetrics {
	return groupMetrics{
		assigned: promauto.With(reg).NewGauge(prometheus.GaugeOpts{Name: prefix + "_assigned_partitions",
			Help: "Partitions that this member owns."}),
		commitFailures: promauto.With(reg).NewCounter(prometheus.CounterOpts{Name: prefix + "_commit_failures_total",
			Help: "Failed offset commits."}),
		partitions: partition.NewMetrics(reg, prefix),
		backlog:    backlog.NewMetrics(reg, prefix),
	}
}

// Metrics are those of a consumer whose records become flows.
type Metrics struct {
	group groupMetrics
	flows *assembler.Metrics
}

// NewMetrics registers the metrics of a consumer whose records become flows.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	return &Metrics{group: newGroupMetrics(reg, "serveflow"), flows: assembler.NewMetrics(reg)}
}

// RekeyMetrics are those of a consumer that rekeys.
type RekeyMetrics struct {
	group   groupMetrics
	records *rekey.Metrics
}

// NewRekeyMetrics registers the metrics of a consumer that rekeys.
func NewRekeyMetrics(reg prometheus.Registerer) *RekeyMetrics {
	return &RekeyMetrics{group: newGroupMetrics(reg, "serveflow_rekey"), records: rekey.NewMetrics(reg)}
}

// Reasons lists every reason that a dead letter of a consumer can have.
func Reasons() []string {
	all := zeek.Reasons()
	for _, reason := range fetch.Reasons() {
		if reason != fetch.TooLong { // zeek has the same
			all = append(all, reason)
		}
	}
	return all
}

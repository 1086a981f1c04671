package rekey

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// What becomes of a record, as Metrics count it.
const (
	forwarded = iota
	passedBy
	dead
	numOutcomes
)

// Metrics count what becomes of records: those read are the sum over outcomes and, where
// they could not even be read, over reasons.
type Metrics struct {
	records [numOutcomes]prometheus.Counter
	lost    prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{lost: promauto.With(reg).NewCounter(prometheus.CounterOpts{Name: "serveflow_rekey_lost_partitions_total",
		Help: "Times that a partition could not be read for so long that the others went on without it."})}
	records := promauto.With(reg).NewCounterVec(prometheus.CounterOpts{Name: "serveflow_rekey_records_total",
		Help: "Records taken, by what became of them."}, []string{"outcome"})
	for i, name := range [numOutcomes]string{"forwarded", "passed_by", "dead"} {
		m.records[i] = records.WithLabelValues(name)
	}
	return m
}

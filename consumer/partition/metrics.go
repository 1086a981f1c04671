package partition

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
)

// Metrics count the reading of partitions, whatever becomes of the records.
type Metrics struct {
	next          *prometheus.GaugeVec
	low           *prometheus.GaugeVec
	lagRecords    *prometheus.GaugeVec
	lagSeconds    *prometheus.GaugeVec
	truncated     prometheus.Counter
	unread        map[string]prometheus.Counter // by reason
	fetchFailures prometheus.Counter
}

// NewMetrics registers the metrics under a prefix: the two consumers that one process
// may have must not mix.
func NewMetrics(reg prometheus.Registerer, prefix string) *Metrics {
	make := promauto.With(reg)
	gauge := func(name, help string) *prometheus.GaugeVec {
		return make.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, []string{"partition"})
	}
	m := &Metrics{
		next:       gauge("_next_offset", "Offset of the next record to take."),
		low:        gauge("_low_watermark", "Lowest offset that an unfinished flow or an unacknowledged record still needs."),
		lagRecords: gauge("_lag_records", "Records of the partition that are not taken yet."),
		lagSeconds: gauge("_lag_seconds", "How long ago the last record that was taken was written to Kafka, while there are more; 0 at the partition's end; absent where that time is not known."),
		unread:     map[string]prometheus.Counter{},
		truncated: make.NewCounter(prometheus.CounterOpts{Name: prefix + "_records_truncated_total",
			Help: "Records deleted before they were read."}),
		fetchFailures: make.NewCounter(prometheus.CounterOpts{Name: prefix + "_fetch_failures_total",
			Help: "Failed reads from the input topic."}),
	}
	unread := make.NewCounterVec(prometheus.CounterOpts{Name: prefix + "_unread_total",
		Help: "Records, and rests of batches, that could not be read from the log, by reason."}, []string{"reason"})
	for _, reason := range fetch.Reasons() {
		m.unread[reason] = unread.WithLabelValues(reason)
	}
	return m
}

// observe shows how far a partition has come.
func (m *Metrics) observe(partition int, f *offset.InFlight) {
	id := strconv.Itoa(partition)
	m.next.WithLabelValues(id).Set(float64(f.Next()))
	m.low.WithLabelValues(id).Set(float64(f.Low()))
}

// lag shows how far a partition lies behind what is written to it: how many records, and
// when the last one that was taken was written, as far as that is known.
func (m *Metrics) lag(partition int, records int64, newest time.Time) {
	id := strconv.Itoa(partition)
	m.lagRecords.WithLabelValues(id).Set(float64(records))
	switch {
	case records == 0:
		m.lagSeconds.WithLabelValues(id).Set(0)
	case newest.UnixMilli() <= 0: // none was taken yet, or its producer gave it no time
		m.lagSeconds.DeleteLabelValues(id)
	default:
		m.lagSeconds.WithLabelValues(id).Set(max(0, time.Since(newest).Seconds()))
	}
}

// forget removes a partition that this member no longer reads.
func (m *Metrics) forget(partition int) {
	id := strconv.Itoa(partition)
	m.next.DeleteLabelValues(id)
	m.low.DeleteLabelValues(id)
	m.lagRecords.DeleteLabelValues(id)
	m.lagSeconds.DeleteLabelValues(id)
}

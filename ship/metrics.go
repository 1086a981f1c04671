package ship

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The kinds of shipped records, for serveflow_ship_records_total.
const (
	kindPacket  = "packet"
	kindEnd     = "end"
	kindOther   = "other"   // of another log, with a uid as its key
	kindUnkeyed = "unkeyed" // of another log, without one
)

// The reason of a dead letter beyond zeek.Reasons.
const reasonCut = "cut" // the file ended without a newline after the line

// Metrics counts what a shipper does.
type Metrics struct {
	records     *prometheus.CounterVec
	rejects     *prometheus.CounterVec
	nuls        prometheus.Counter
	rotations   prometheus.Counter
	truncations prometheus.Counter
	gone        prometheus.Counter
	lost        prometheus.Counter
	unknown     prometheus.Counter
	failures    prometheus.Counter
	lagBytes    *prometheus.GaugeVec
	lagSeconds  *prometheus.GaugeVec
}

// NewMetrics registers the shipper's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	make := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return make.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &Metrics{
		records: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_ship_records_total",
			Help: "Records handed to the producer, by kind: packet, end, other (another log), unkeyed (another log, no uid)."}, []string{"kind"}),
		rejects: make.NewCounterVec(prometheus.CounterOpts{Name: "serveflow_ship_rejects_total",
			Help: "Lines that went to the dead letters, by reason."}, []string{"reason"}),
		nuls:        counter("serveflow_ship_nul_bytes_total", "NUL bytes passed over before a line."),
		rotations:   counter("serveflow_ship_rotations_total", "Files that took a followed path's place."),
		truncations: counter("serveflow_ship_truncations_total", "Followed files that were cut and read from their start again."),
		gone:        counter("serveflow_ship_files_gone_total", "Files that went away, or were compressed, before they were read to the end."),
		lost:        counter("serveflow_ship_lost_files_total", "Times that a file could not be read for so long that the others went on without it."),
		unknown:     counter("serveflow_ship_unknown_bytes_total", "Bytes known to have been in files that went away or were cut before they were read; there may have been more."),
		failures:    counter("serveflow_ship_checkpoint_failures_total", "Writes of the state file that failed; each is tried again."),
		lagBytes: make.NewGaugeVec(prometheus.GaugeOpts{Name: "serveflow_ship_lag_bytes",
			Help: "Bytes of a followed path that are not in Kafka yet."}, []string{"path"}),
		lagSeconds: make.NewGaugeVec(prometheus.GaugeOpts{Name: "serveflow_ship_lag_seconds",
			Help: "Time since everything in a followed path was last in Kafka; 0 while it is."}, []string{"path"}),
	}
}

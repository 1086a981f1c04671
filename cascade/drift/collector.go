package drift

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// minFlows is how many flows of a window a value needs to be shown. Of flows like those of
// the calibration set the index is about (bins-1)*(1/n+1/m) all the same, for n flows against
// m (B. Yurdakul, Statistical Properties of Population Stability Index, Western Michigan
// University 2018): 0.02 for 11 bins and 500 flows, well below the first band at 0.1.
const minFlows = 500

// Collector has the metrics of one task's drift. They are absent as long as the bundle has no
// reference, or the window too few flows.
type Collector struct {
	current  atomic.Pointer[Monitor]
	psi      *prometheus.Desc
	deferred *prometheus.Desc
	expected *prometheus.Desc
}

// NewCollector builds a collector that watches nothing yet.
func NewCollector() *Collector {
	return &Collector{
		psi: prometheus.NewDesc("serveflow_drift_psi",
			"Population stability index of the last hour's flows against the bundle's calibration set: of uncertainty by stage, of labels, of a feature of the first stage. Below 0.1 alike, above 0.25 others.",
			[]string{"of", "name"}, nil),
		deferred: prometheus.NewDesc("serveflow_deferred_share",
			"Share of the last hour's flows that a stage was asked about and too unsure of, by the bundle's threshold.", []string{"stage"}, nil),
		expected: prometheus.NewDesc("serveflow_deferred_share_expected",
			"The same share of the bundle's calibration set.", []string{"stage"}, nil),
	}
}

// Watch makes m, which may be nil, what the metrics tell of.
func (c *Collector) Watch(m *Monitor) { c.current.Store(m) }

// Describe is of prometheus.Collector.
func (c *Collector) Describe(all chan<- *prometheus.Desc) {
	all <- c.psi
	all <- c.deferred
	all <- c.expected
}

// Collect is of prometheus.Collector.
func (c *Collector) Collect(all chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		all <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, v := range c.current.Load().Values(time.Now()) {
		if v.Flows < minFlows {
			continue
		}
		gauge(c.psi, v.PSI, string(v.Of), v.Name)
		if v.Defers {
			gauge(c.deferred, v.Deferred, v.Name)
			gauge(c.expected, v.Expected, v.Name)
		}
	}
}

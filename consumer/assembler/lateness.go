package assembler

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
)

// maxSensorSeries is how many sensors have a series of their own, over all partitions. Those
// beyond it share that of the records without a name.
const maxSensorSeries = 256

// lateness is the collector of how late packet records came. The tables count for
// themselves, and hand it the sums after each fetch: a metric for each record would cost more
// than the rest of the clock.
type lateness struct {
	records *prometheus.Desc
	sensors *prometheus.Desc

	mu      sync.Mutex
	total   flow.Lateness                    // of all partitions so far
	largest map[string][]flow.SensorLateness // by partition
}

func newLateness() *lateness {
	return &lateness{
		records: prometheus.NewDesc("serveflow_record_lateness_seconds",
			"How far the time of a packet record lay behind its sensor's clock when it came; 0: in order; at most a minute.", nil, nil),
		sensors: prometheus.NewDesc("serveflow_sensor_lateness_seconds",
			"Largest lateness of a sensor's packet records in the last one to two minutes of its clock; no name: records that name no sensor, and sensors beyond 256.", []string{"sensor"}, nil),
		largest: map[string][]flow.SensorLateness{},
	}
}

// add takes what the table of a partition has counted since the last time.
func (l *lateness) add(partition string, table *flow.Table) (tooLate uint64) {
	counted := table.TakeLateness()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.Merge(&counted)
	l.largest[partition] = table.SensorLateness(l.largest[partition][:0])
	return counted.TooLate
}

// forget drops the sensors of a partition. What it has counted stays.
func (l *lateness) forget(partition string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.largest, partition)
}

// Describe implements prometheus.Collector.
func (l *lateness) Describe(to chan<- *prometheus.Desc) {
	to <- l.records
	to <- l.sensors
}

// Collect implements prometheus.Collector.
func (l *lateness) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	total, sensors := l.total, l.bySensor()
	l.mu.Unlock()
	buckets, count := map[float64]uint64{}, uint64(0)
	for class, n := range total.Counts {
		count += n
		if class < len(flow.LatenessBounds) {
			buckets[float64(flow.LatenessBounds[class])/1e6] = count
		}
	}
	to <- prometheus.MustNewConstHistogram(l.records, count, float64(total.Sum)/1e6, buckets)
	for name, late := range sensors {
		to <- prometheus.MustNewConstMetric(l.sensors, prometheus.GaugeValue, late.Seconds(), name)
	}
}

// bySensor is the largest lateness of each sensor over all partitions.
func (l *lateness) bySensor() map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, sensors := range l.largest {
		for _, s := range sensors {
			name := label(s.Sensor)
			all[name] = max(all[name], s.Largest)
		}
	}
	if len(all) <= maxSensorSeries {
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(all))[maxSensorSeries:] {
		all[""] = max(all[""], all[name])
		delete(all, name)
	}
	return all
}

// label makes a metric's label of a sensor's name, which comes from outside: it has no
// control characters, and no bytes that are not UTF-8, which would fail the whole scrape.
func label(sensor string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, sensor)
}

package assembler

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// of is a packet record of a sensor.
func of(sensor string, value []byte) []byte {
	return []byte(strings.Replace(string(value), "{", `{"sensor":"`+sensor+`",`, 1))
}

// histogram is the lateness of all records: how many, its sum in seconds, and how many are up
// to each bound.
func (r *rig) histogram() (count uint64, sum float64, upTo map[float64]uint64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "serveflow_record_lateness_seconds" {
			h, upTo := family.GetMetric()[0].GetHistogram(), map[float64]uint64{}
			for _, b := range h.GetBucket() {
				upTo[b.GetUpperBound()] = b.GetCumulativeCount()
			}
			return h.GetSampleCount(), h.GetSampleSum(), upTo
		}
	}
	r.t.Fatal("there is no histogram")
	return 0, 0, nil
}

// How late records are must be shown over all partitions, and by sensor. What was counted
// stays when a partition is given up; its sensors go.
func TestLateness(t *testing.T) {
	r := newRig(t, nil, zeek.Limits{}) // bears one second
	other := New(testConfig(), zeek.Limits{}, 4, r, r.assembler.metrics)
	take(of("east", packet("a", 1, 10)), 0)(r)
	take(of("east", packet("b", 1, 9)), 1)(r) // exactly as late as is allowed
	take(of("east", packet("b", 2, 8.5)), 2)(r)
	take(packet("c", 1, 10), 3)(r)
	take(end("c", 1), 4)(r)
	idle(0)(r)
	idle(0)(r)
	r.assembler = other
	take(of("east", packet("d", 1, 10)), 0)(r)
	take(of("east", packet("d", 2, 5)), 1)(r)
	take(of("west", packet("e", 1, 10)), 2)(r)
	take(of("west", packet("e", 1, 9.9905)), 3)(r)
	idle(0)(r)
	r.expect(map[string]float64{"records_beyond_lateness_total": 2, "sensor_lateness_seconds{}": 0,
		"sensor_lateness_seconds{east}": 5, "sensor_lateness_seconds{west}": .0095})
	count, sum, upTo := r.histogram()
	if count != 8 || fmt.Sprintf("%.4f", sum) != "7.5095" {
		t.Errorf("%d records are %v s late, want 8 and 7.5095", count, sum)
	}
	for bound, want := range map[float64]uint64{0: 4, .005: 4, .01: 5, .5: 5, 1: 6, 2: 7, 5: 8, 10: 8} {
		if n, there := upTo[bound]; n != want || !there {
			t.Errorf("up to %v s: %d records, want %d; there: %t", bound, n, want, there)
		}
	}

	other.metrics.Forget(4)
	r.expect(map[string]float64{"records_beyond_lateness_total": 2, "sensor_lateness_seconds{east}": 1.5})
	if _, there := metricstest.Values(t, r.registry)["serveflow_sensor_lateness_seconds{west}"]; there {
		t.Error("a sensor of a partition that was given up is still there")
	}
	if count, _, _ := r.histogram(); count != 8 {
		t.Errorf("%d records are counted after a partition was given up, want 8", count)
	}
}

// Names of sensors come from outside: no name may break the scrape, and their number is
// bounded over all partitions together.
func TestSensorSeriesAreBounded(t *testing.T) {
	r := newRig(t, nil, zeek.Limits{})
	l := r.assembler.metrics.lateness
	rng := rand.New(rand.NewSource(1))
	for partition := range 3 {
		var all []flow.SensorLateness
		for i := range 200 {
			all = append(all, flow.SensorLateness{Sensor: fmt.Sprintf("s%d-%03d", partition, i), Largest: time.Duration(rng.Intn(100))})
		}
		l.largest[fmt.Sprint(partition)] = append(all, flow.SensorLateness{Sensor: "zz", Largest: time.Second})
	}
	values := metricstest.Values(t, r.registry)
	series := 0
	for name := range values {
		if strings.HasPrefix(name, "serveflow_sensor_lateness_seconds") {
			series++
		}
	}
	if series != maxSensorSeries+1 || values["serveflow_sensor_lateness_seconds{}"] != 1 {
		t.Errorf("%d series, and that of the others is %v", series, values["serveflow_sensor_lateness_seconds{}"])
	}

	clear(l.largest)
	l.largest["0"] = []flow.SensorLateness{{Sensor: "a\nb", Largest: time.Second}, {Sensor: "a\x00b", Largest: 3 * time.Second}, {Sensor: "a\xffb", Largest: 2 * time.Second}}
	r.expect(map[string]float64{"sensor_lateness_seconds{a?b}": 3, "sensor_lateness_seconds{a\uFFFDb}": 2})
}

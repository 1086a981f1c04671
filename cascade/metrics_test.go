package cascade

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// metrics are the values that are not 0, by name and labels without the prefix that all
// share: labels_total{true,confident,s0}. Labels are in the order of
// their names (final, reason, stage). A histogram has its count and its sum.
func (r *rig) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := strings.TrimPrefix(family.GetName(), "serveflow_")
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if h := m.GetHistogram(); h != nil {
				all[name+" count"], all[name+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
			}
		}
	}
	maps.DeleteFunc(all, func(_ string, value float64) bool { return value == 0 })
	return all
}

// expectMetrics compares all metrics, but the sums of histograms, which are times.
func (r *rig) expectMetrics(t *testing.T, want map[string]float64) {
	t.Helper()
	got := r.metrics(t)
	if got["bundles_held"] != 1 {
		t.Errorf("bundles_held is %v, want 1", got["bundles_held"])
	}
	constant := map[string]bool{"bundles_held": true, "latency_objective_seconds": true}
	maps.DeleteFunc(got, func(name string, _ float64) bool { return strings.HasSuffix(name, " sum") || constant[name] })
	names := slices.Sorted(maps.Keys(got))
	for name := range want {
		if _, there := got[name]; !there {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if got[name] != want[name] {
			t.Errorf("%s is %v, want %v", name, got[name], want[name])
		}
	}
}

func TestMetricsOfDecisions(t *testing.T) {
	for _, c := range []struct {
		name   string
		models []Model
		slow   bool
		want   map[string]float64
	}{
		{"confident", []Model{says(.9), says(0)}, true, map[string]float64{
			"labels_total{true,confident,s0}": 1, "stage_compute_seconds{s0} count": 1,
			"first_packet_to_label_seconds{s0} count": 1, "packet_wait_seconds{s0} count": 1}},
		{"deferred to a slow stage", []Model{says(.6), says(0)}, true, map[string]float64{
			"labels_total{false,provisional,s0}": 1, "labels_total{true,last_stage,s1}": 1, "deferred_total{s0}": 1,
			"stage_compute_seconds{s0} count": 1, "stage_compute_seconds{s1} count": 1, "slow_batch_flows{s1} count": 1, "slow_queue_seconds{s1} count": 1,
			"first_packet_to_label_seconds{s1} count": 1, "packet_wait_seconds{s1} count": 1}},
		{"deferred to a fast stage", []Model{says(.6), says(0)}, false, map[string]float64{
			"labels_total{false,provisional,s0}": 1, "labels_total{true,last_stage,s1}": 1, "deferred_total{s0}": 1,
			"stage_compute_seconds{s0} count": 1, "stage_compute_seconds{s1} count": 1,
			"first_packet_to_label_seconds{s1} count": 1, "packet_wait_seconds{s1} count": 1}},
		{"the last stage fails", []Model{says(.6), modelFunc(fails)}, false, map[string]float64{
			"labels_total{false,provisional,s0}": 1, "labels_total{true,degraded,s0}": 1, "deferred_total{s0}": 1,
			"stage_compute_seconds{s0} count": 1, "model_failures_total{error,s1}": 1,
			"first_packet_to_label_seconds{s0} count": 1, "packet_wait_seconds{s0} count": 1}},
		{"all fail", []Model{modelFunc(fails), modelFunc(fails)}, true, map[string]float64{
			"flows_unlabelled_total": 1, "deferred_total{s0}": 1, "slow_queue_seconds{s1} count": 1, "model_failures_total{error,s0}": 1, "model_failures_total{error,s1}": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec(t, []int{1, 2}, c.models...)
			s.Stages[1].Slow = c.slow
			r := newRig(s, Config{Provisional: true})
			r.feed([]int16{0, 0}, 0)
			r.drain()
			r.expectMetrics(t, c.want)
		})
	}
}

// Times in a synctest bubble are exact.
func TestTimesOfAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := func(d time.Duration, p float64) Model {
			return modelFunc(func(row []float32, out []float64) error { time.Sleep(d); return says(p)(row, out) })
		}
		r := newRig(spec(t, []int{1, 3}, takes(10*time.Millisecond, .6), takes(30*time.Millisecond, .9)), Config{Queue: 2, Batch: 2})
		for range 2 {
			r.feed([]int16{0, 0, 0}, 0)
		}
		decided := time.Now().Add(60 * time.Millisecond)
		r.drain()
		for _, v := range r.got {
			if v.Computed != 40*time.Millisecond || !v.Decided.Equal(decided) {
				t.Errorf("computed in %v, decided at %v; want the fast stage's 10 ms and half of a batch's 60 ms, at %v", v.Computed, v.Decided, decided)
			}
		}
		got := r.metrics(t)
		firstPacket := time.UnixMicro(1e15)
		for name, want := range map[string]float64{
			"stage_compute_seconds{s0} sum":         .02,
			"stage_compute_seconds{s1} sum":         .06,
			"slow_batch_flows{s1} sum":              2,
			"packet_wait_seconds{s1} sum":           .004,
			"first_packet_to_label_seconds{s1} sum": 2 * decided.Sub(firstPacket).Seconds(),
		} {
			if diff := got[name] - want; diff > 1e-9 || diff < -1e-9 {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		if took := time.Duration(r.cascade.onlySlow().serviceTime.Load()); took != 30*time.Millisecond/8 {
			t.Errorf("the average of the slow stage's 30 ms a flow begins with %v, want an eighth", took)
		}
	})
}

func TestOneFailureASecondIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newLoggingRig(spec(t, []int{1}, says(1)), Config{}, &log)
		for range 3 {
			for range 5 {
				r.cascade.metrics.failed("s0", 2, errors.New("out of order"))
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), `level=WARN msg="model failed" stage=s0 flows=2 err="out of order"`); n != 3 || strings.Count(log.String(), "\n") != 3 {
			t.Errorf("%d lines in three seconds:\n%s", n, log.String())
		}
		r.expectMetrics(t, map[string]float64{"model_failures_total{error,s0}": 30})
	})
}

func TestBucketsOfHistograms(t *testing.T) {
	r := newRig(spec(t, []int{1, 1}, says(.6), says(.9)), Config{})
	r.feed([]int16{0}, 0)
	r.drain()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, family := range families {
		if h := family.GetMetric()[0].GetHistogram(); h != nil {
			var bounds []float64
			for _, b := range h.GetBucket() {
				bounds = append(bounds, b.GetUpperBound())
			}
			got[family.GetName()] = fmt.Sprint(len(bounds), bounds[:5], bounds[len(bounds)-1])
		}
	}
	for name, want := range map[string]string{
		"serveflow_first_packet_to_label_seconds": "17 [0.001 0.002 0.004 0.008 0.016] 65.536",
		"serveflow_packet_wait_seconds":           "17 [0.001 0.002 0.004 0.008 0.016] 65.536",
		"serveflow_stage_compute_seconds":         "17 [1e-06 2e-06 4e-06 8e-06 1.6e-05] 0.065536",
		"serveflow_slow_batch_flows":              "6 [1 2 4 8 16] 32",
	} {
		if got[name] != want {
			t.Errorf("%s has the bounds %s, want %s", name, got[name], want)
		}
	}
}

func TestKindsOfFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errTimedOut, "hang"},
		{fmt.Errorf("a network: %w", errNoAnswer), "nan"},
		{errors.New("out of order"), "error"},
		{errStopped, "error"},
	} {
		if got := kind(c.err); got != c.want {
			t.Errorf("%v counts as %s, want %s", c.err, got, c.want)
		}
	}
}

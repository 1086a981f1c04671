package partition

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
)

// A poll tells how many records are left behind it; at the partition's end it is none.
func TestPollTellsTheLag(t *testing.T) {
	f, leader := pipedFetcher(t, &Config{FetchBytes: 1 << 20, MaxWait: time.Second})
	for _, test := range []struct{ high, behind int64 }{{9, 2}, {7, 0}, {6, 0}} {
		go leader.serve(answer{high: test.high, log: batch(5, "a", "b")}, 0, 0)
		if _, _, err := f.poll(t.Context(), 5, func(*fetch.Record) error { return nil }); err != nil || f.behind != test.behind {
			t.Errorf("the log ends before %d: %d behind, want %d: %v", test.high, f.behind, test.behind, err)
		}
	}
}

func TestLagIsShown(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry(), "serveflow")
	m.observe(3, offset.NewInFlight(0))
	now := time.Now()
	for name, test := range map[string]struct {
		records int64
		newest  time.Time
		seconds []float64 // shown; at least this one and at most the other; none: it is absent
	}{
		"behind":                             {7, now.Add(-90 * time.Second), []float64{90, 150}},
		"a producer's clock is ahead":        {7, now.Add(time.Hour), []float64{0, 0}},
		"nothing was written for an hour":    {0, now.Add(-time.Hour), []float64{0, 0}},
		"nothing was ever written":           {0, time.UnixMilli(0), []float64{0, 0}},
		"nothing was taken yet":              {7, time.Time{}, nil},
		"its producer gave the record none":  {7, time.UnixMilli(-1), nil},
		"no batch could be opened until now": {7, time.UnixMilli(0), nil},
	} {
		m.lagSeconds.WithLabelValues("3").Set(1234)
		m.lag(3, test.records, test.newest)
		if records := testutil.ToFloat64(m.lagRecords.WithLabelValues("3")); records != float64(test.records) {
			t.Errorf("%s: %v records are shown, want %d", name, records, test.records)
		}
		if shown := testutil.CollectAndCount(m.lagSeconds); shown != min(1, len(test.seconds)) {
			t.Errorf("%s: %d gauges of seconds", name, shown)
		} else if seconds := testutil.ToFloat64(m.lagSeconds.WithLabelValues("3")); shown == 1 && (seconds < test.seconds[0] || seconds > test.seconds[1]) {
			t.Errorf("%s: %v s are shown, want %v", name, seconds, test.seconds)
		}
	}
	m.forget(3)
	if n := testutil.CollectAndCount(m.lagRecords) + testutil.CollectAndCount(m.lagSeconds); n != 0 {
		t.Errorf("%d gauges are left of a partition that is not read any more", n)
	}
}

// How many records are not taken yet is shown while a partition still reads back.
func TestLagIsKnownAtTheStart(t *testing.T) {
	b := newBrokerTest(t, Config{WarmUpRecords: 1000, WarmUpAge: time.Hour}, minutely(10)...)
	b.committed.at.Low = 8
	b.fail(kmsg.Fetch, always)
	if err := b.partition.begin(t.Context()); err == nil {
		t.Fatal("it has read back although no fetch succeeds")
	}
	m := b.partition.deps.Metrics
	if records := testutil.ToFloat64(m.lagRecords.WithLabelValues("0")); records != 2 || testutil.CollectAndCount(m.lagSeconds) != 0 {
		t.Errorf("%v records and %d gauges of seconds are shown, want 2 and none", records, testutil.CollectAndCount(m.lagSeconds))
	}
}

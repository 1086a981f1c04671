package partition

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

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
	for _, test := range []struct {
		records       int64
		since         time.Duration
		shown, behind float64
	}{
		{7, 90 * time.Second, 7, 90},
		{7, -time.Second, 7, 0}, // a producer's clock is ahead
		{0, time.Hour, 0, 0},    // nothing was written for an hour
	} {
		m.lag(3, test.records, test.since)
		if records, seconds := testutil.ToFloat64(m.lagRecords.WithLabelValues("3")), testutil.ToFloat64(m.lagSeconds.WithLabelValues("3")); records != test.shown || seconds != test.behind {
			t.Errorf("%d records, written %v ago: shown %v and %v s", test.records, test.since, records, seconds)
		}
	}
	m.forget(3)
	if n := testutil.CollectAndCount(m.lagRecords) + testutil.CollectAndCount(m.lagSeconds); n != 0 {
		t.Errorf("%d gauges are left of a partition that is not read any more", n)
	}
}

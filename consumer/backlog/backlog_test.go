package backlog

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/metricstest"
)

// at is a moment of the test, seconds after its begin.
func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// look is one observation of partition 0: at a moment, how old the last record is; behind
// is false at the partition's end.
type look struct {
	at, age float64
	behind  bool
}

func TestCatchingUp(t *testing.T) {
	live := []look{{0, 0, false}, {1, .1, true}, {2, .1, true}}
	for _, c := range []struct {
		name  string
		looks []look
		want  bool
	}{
		{"live", live, false},
		{"a start with an old topic", []look{{0, 3600, true}}, true},
		{"and it gains", []look{{0, 3600, true}, {3, 3000, true}, {6, 2500, true}}, true},
		{"and it keeps pace", []look{{0, 3600, true}, {6, 3600, true}}, true},
		{"and it loses", []look{{0, 3600, true}, {6, 3603, true}}, false},
		{"then gains again", []look{{0, 3600, true}, {6, 3603, true}, {12, 3600, true}}, true},
		{"then only keeps pace", []look{{0, 3600, true}, {6, 3603, true}, {12, 3603, true}}, false},
		{"load: later and later", append(live, look{3, 1.5, true}, look{4, 2.1, true}, look{5, 3, true}), false},
		{"load that goes on", append(live, look{4, 2.1, true}, look{10, 7, true}), false},
		{"load that ends", append(live, look{4, 2.1, true}, look{10, 7, true}, look{16, 4, true}), true},
		{"after an outage", append(live, look{602, 600, true}), true},
		{"after an outage, then at the end", append(live, look{602, 600, true}, look{603, 0, false}), false},
		{"after an outage, then nearly there", append(live, look{602, 600, true}, look{610, 1.9, true}), false},
	} {
		b := New(NewMetrics(prometheus.NewRegistry(), "test"))
		for _, l := range c.looks {
			n := int64(0)
			if l.behind {
				n = 1
			}
			b.Observe(0, n, at(l.at-l.age), at(l.at))
		}
		if got := b.CatchingUp(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Before the first fetch nobody knows how old the records are.
func TestUnknownAge(t *testing.T) {
	b := New(NewMetrics(prometheus.NewRegistry(), "test"))
	b.Observe(0, 100, time.Time{}, at(0))
	if !b.CatchingUp() {
		t.Error("records wait, and their age is not known")
	}
	b.Observe(0, 50, at(.5), at(1))
	if b.CatchingUp() {
		t.Error("they are young")
	}
}

// The partition that is furthest behind counts, as long as the member has it.
func TestFurthestBehindCounts(t *testing.T) {
	b := New(NewMetrics(prometheus.NewRegistry(), "test"))
	b.Observe(0, 5, at(-100), at(0))
	b.Observe(1, 5, at(0), at(.1))
	if !b.CatchingUp() {
		t.Error("partition 0 is late")
	}
	b.Forget(0)
	if b.CatchingUp() {
		t.Error("partition 0 is gone")
	}
}

// The pace is seconds of records in a second, and 1 for a member that is not late.
func TestPace(t *testing.T) {
	reg := prometheus.NewRegistry()
	b := New(NewMetrics(reg, "test"))
	for _, c := range []struct {
		look
		pace, catchingUp float64
	}{
		{look{0, 3600, true}, 1, 1},
		{look{6, 3576, true}, 5, 1},
		{look{12, 3579, true}, .5, 0},
		{look{13, 1, true}, 1, 0},
	} {
		b.Observe(0, 1, at(c.at-c.age), at(c.at))
		if got := metricstest.Values(t, reg); got["test_pace"] != c.pace || got["test_catching_up"] != c.catchingUp {
			t.Errorf("after %v s: pace %v, catching up %v, want %v and %v", c.at, got["test_pace"], got["test_catching_up"], c.pace, c.catchingUp)
		}
	}
}

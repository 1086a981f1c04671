package cascade

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// series has the series of a metric by their labels. To find one in a vector of Prometheus hashes every label
// under a lock, which costs several times what counting does.
type series[Labels comparable, S any] struct {
	find  func(Labels) S // in the vector
	known atomic.Pointer[map[Labels]S]
	mu    sync.Mutex // one is added
}

func newSeries[Labels comparable, S any](find func(Labels) S) *series[Labels, S] {
	s := &series[Labels, S]{find: find}
	s.known.Store(&map[Labels]S{})
	return s
}

// of is the series with these labels. It is there from then on.
func (s *series[Labels, S]) of(labels Labels) S {
	if one, ok := (*s.known.Load())[labels]; ok {
		return one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := maps.Clone(*s.known.Load())
	known[labels] = s.find(labels)
	s.known.Store(&known)
	return known[labels]
}

// counters are those of a counter by stage.
func counters(factory promauto.Factory, opts prometheus.CounterOpts) *series[string, prometheus.Counter] {
	vector := factory.NewCounterVec(opts, []string{"stage"})
	return newSeries(func(stage string) prometheus.Counter { return vector.WithLabelValues(stage) })
}

// histograms are those of a histogram by stage.
func histograms(factory promauto.Factory, opts prometheus.HistogramOpts) *series[string, prometheus.Observer] {
	vector := factory.NewHistogramVec(opts, []string{"stage"})
	return newSeries(func(stage string) prometheus.Observer { return vector.WithLabelValues(stage) })
}

// labelKind is what labels are counted by.
type labelKind struct {
	stage  string
	reason Reason
	final  bool
}

// byKind are the counters of labels.
func byKind(factory promauto.Factory, opts prometheus.CounterOpts) *series[labelKind, prometheus.Counter] {
	vector := factory.NewCounterVec(opts, []string{"stage", "reason", "final"})
	return newSeries(func(k labelKind) prometheus.Counter {
		return vector.WithLabelValues(k.stage, string(k.reason), strconv.FormatBool(k.final))
	})
}

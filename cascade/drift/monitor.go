package drift

import (
	"sync"
	"sync/atomic"
	"time"
)

// Config is how a Monitor counts.
type Config struct {
	// Every is of how many flows one has its features counted. The choice is by the flow's
	// uid, so that it is one of no rhythm in the traffic.
	Every uint32
	// Window is how far back Values look.
	Window time.Duration
}

// Monitor counts the flows that are decided, and compares those of a sliding window with the
// calibration set. Its methods are safe for concurrent use, and do nothing on nil.
type Monitor struct {
	reference *Reference
	cfg       Config
	stages    []int          // where each stage's counters begin: its bins, then the deferred flows
	labels    int            // where the labels' counters begin
	features  []int          // where each feature's counters begin
	counts    []atomic.Int64 // they only grow

	mu   sync.Mutex
	past []snapshot // the oldest first
}

// New builds a monitor for a bundle with this reference. It gives nil if there is none.
func New(reference *Reference, cfg Config) *Monitor {
	if reference == nil {
		return nil
	}
	m := &Monitor{reference: reference, cfg: cfg}
	n := 0
	for range reference.Stages {
		m.stages = append(m.stages, n)
		n += UncertaintyBins + 1
	}
	m.labels = n
	n += len(reference.Labels)
	for i := range reference.Features {
		m.features = append(m.features, n)
		n += len(reference.Features[i].Flows)
	}
	m.counts = make([]atomic.Int64, n)
	m.past = []snapshot{{at: time.Now(), counts: make([]int64, n)}}
	return m
}

// Predicted counts an answer of the stage with this number: the row that its model saw, how
// unsure it is, and whether that is too unsure, which is of no effect in the last stage.
func (m *Monitor) Predicted(stage int, uid string, row []float32, uncertainty float64, deferred bool) {
	if m == nil {
		return
	}
	first := m.stages[stage]
	m.counts[first+bin(uncertainty)].Add(1)
	if deferred {
		m.counts[first+UncertaintyBins].Add(1)
	}
	if stage > 0 || !m.isSampled(uid) {
		return
	}
	for i, first := range m.features {
		f := &m.reference.Features[i]
		m.counts[first+f.bin(row[f.Column])].Add(1)
	}
}

// Decided counts a final label by its class.
func (m *Monitor) Decided(class int) {
	if m != nil {
		m.counts[m.labels+class].Add(1)
	}
}

// isSampled reports whether the features of the flow with this uid are counted.
func (m *Monitor) isSampled(uid string) bool {
	hash := uint32(2166136261) // FNV-1a
	for i := range len(uid) {
		hash = (hash ^ uint32(uid[i])) * 16777619
	}
	return hash%m.cfg.Every == 0
}

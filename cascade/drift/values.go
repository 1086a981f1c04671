package drift

import "time"

// Of is what a Value compares.
type Of string

// What is compared with the calibration set.
const (
	Uncertainty Of = "uncertainty"
	Labels      Of = "labels"
	Features    Of = "feature"
)

// Value is how far the flows of the window are from the calibration set in one respect.
type Value struct {
	Of    Of
	Name  string  // of the stage or the feature; empty for Labels
	Flows int64   // that were counted in the window
	PSI   float64 // the population stability index

	// Defers: the value is a stage's that another follows, and Deferred is the share of its
	// flows that went on, Expected that of the calibration set.
	Defers             bool
	Deferred, Expected float64
}

// Values compares the window that ends now with the calibration set: every stage that was
// asked there, the labels, every feature. Those with no flow in the window are left out.
func (m *Monitor) Values(now time.Time) []Value {
	if m == nil {
		return nil
	}
	var all []Value
	counts := m.recent(now)
	for i, s := range m.reference.Stages {
		bins := counts[m.stages[i]:][:UncertaintyBins]
		v := newValue(Uncertainty, s.Name, bins, s.Uncertainty)
		if v.Flows == 0 || sum(s.Uncertainty) == 0 {
			continue
		}
		v.Defers = i < len(m.reference.Stages)-1
		v.Deferred = float64(counts[m.stages[i]+UncertaintyBins]) / float64(v.Flows)
		v.Expected = float64(s.Deferred) / float64(sum(s.Uncertainty))
		all = append(all, v)
	}
	mix := make([]int64, len(m.reference.Labels))
	for i, l := range m.reference.Labels {
		mix[i] = l.Flows
	}
	if v := newValue(Labels, "", counts[m.labels:][:len(mix)], mix); v.Flows > 0 {
		all = append(all, v)
	}
	for i, f := range m.reference.Features {
		if v := newValue(Features, f.Name, counts[m.features[i]:][:len(f.Flows)], f.Flows); v.Flows > 0 {
			all = append(all, v)
		}
	}
	return all
}

func newValue(of Of, name string, actual, expected []int64) Value {
	return Value{Of: of, Name: name, Flows: sum(actual), PSI: psi(actual, expected)}
}

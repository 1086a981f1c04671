package cascade

import (
	"slices"
	"testing"

	"github.com/serveflow/serveflow/cascade/drift"
)

// withReference gives a bundle of two stages a reference, whose feature is the number of packets.
func withReference(s *Spec) *Spec {
	s.Drift = &drift.Reference{
		Stages:   []drift.Stage{{Name: "s0", Uncertainty: make([]int64, drift.UncertaintyBins), Deferred: 1}, {Name: "s1", Uncertainty: make([]int64, drift.UncertaintyBins)}},
		Labels:   []drift.Label{{Name: "a", Flows: 1}, {Name: "b", Flows: 1}},
		Features: []drift.Feature{{Name: "packets", Flows: []int64{1, 1}}},
	}
	s.Drift.Stages[0].Uncertainty[0], s.Drift.Stages[1].Uncertainty[0] = 2, 1
	return s
}

// Each stage's answer is counted once, of the slow stage too, and each final label.
func TestDriftCountsAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		first Model
		last  Model
		flows []int64 // of s0, s1, the labels and the feature
		share float64 // that s0 hands on
	}{
		{"the first stage is sure", says(.9), says(0), []int64{3, 3, 3}, 0},
		{"the last stage answers", says(.6), says(.1), []int64{3, 3, 3, 3}, 1},
		{"the last stage fails", says(.6), modelFunc(fails), []int64{3, 3, 3}, 1},
		{"the first stage fails", modelFunc(fails), says(.9), []int64{3, 3}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, slow := range []bool{true, false} {
				s := withReference(spec(t, []int{1, 1}, c.first, c.last))
				s.Stages[1].Slow = slow
				r := newRig(s, Config{Queue: 8, Deterministic: true, Provisional: true})
				for range 3 {
					r.feed([]int16{0}, 0)
				}
				r.drain()
				var flows []int64
				var labels drift.Value
				for _, v := range r.slot.Drift() {
					flows = append(flows, v.Flows)
					if v.Defers && v.Deferred != c.share {
						t.Errorf("slow %v: %v of the flows went on, want %v", slow, v.Deferred, c.share)
					}
					if v.Of == drift.Labels {
						labels = v
					}
				}
				if !slices.Equal(flows, c.flows) || labels.PSI == 0 {
					t.Errorf("slow %v: %v flows, want %v; labels %+v", slow, flows, c.flows, labels)
				}
			}
		})
	}
}

// Parts of a bundle, and a bundle without a reference, have no drift.
func TestDriftOfPartOfABundle(t *testing.T) {
	whole := withReference(spec(t, []int{1, 1}, says(.9), says(0)))
	for _, s := range []*Spec{whole.Only("s0"), spec(t, []int{1, 1}, says(.9), says(0))} {
		r := newRig(s, Config{Deterministic: true})
		r.feed([]int16{0}, 0)
		r.drain()
		if got := r.slot.Drift(); got != nil {
			t.Errorf("%v", got)
		}
	}
}

// The metrics tell of the bundle that is served, once there are flows enough.
func TestDriftIsToldByMetrics(t *testing.T) {
	r := newRig(withReference(spec(t, []int{1, 1}, says(.9), says(0))), Config{Deterministic: true})
	for range 500 {
		r.feed([]int16{0}, 0)
	}
	r.drain()
	got := r.metrics(t)
	if got["drift_psi{s0,uncertainty}"] == 0 || got["drift_psi{,labels}"] == 0 || got["deferred_share_expected{s0}"] != .5 {
		t.Errorf("%v", got)
	}
}

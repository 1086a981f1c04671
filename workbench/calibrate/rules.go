// Package calibrate chooses the rules of a cascade for known flows.
//
// Rules are thresholds, bounds of hazards and patience, and where families count, their
// thresholds. The models stay as they are.
package calibrate

import (
	"slices"

	"github.com/serveflow/serveflow/cascade"
)

// Rules are what may be chosen of a cascade.
type Rules struct {
	Stages   []StageRules
	Families []float64 // threshold of each family; below 0: it has none. nil: there are no families
}

// StageRules are what may be chosen of one stage.
type StageRules struct {
	Threshold  float64
	Thresholds []float64 // by the class that is ahead; nil: Threshold holds for all
	Below      float64   // of the hazard; 0: the stage has none
	Patience   []cascade.Patience
}

// RulesOf are those that a cascade has.
func RulesOf(spec *cascade.Spec) (r Rules) {
	for i := range spec.Stages {
		s := &spec.Stages[i]
		of := StageRules{Threshold: s.Threshold, Thresholds: s.Thresholds, Patience: s.Patience}
		if s.Hazard != nil {
			of.Below = s.Hazard.Below
		}
		r.Stages = append(r.Stages, of)
	}
	for i := range spec.Families {
		r.Families = append(r.Families, spec.Families[i].Threshold)
	}
	return r
}

// With gives the cascade with other rules.
func With(spec *cascade.Spec, rules Rules) *cascade.Spec {
	own := *spec
	own.Stages, own.Families = slices.Clone(spec.Stages), slices.Clone(spec.Families)
	own.Drift = nil // of the flows under the rules before
	for i, threshold := range rules.Families {
		own.Families[i].Threshold = threshold
	}
	for i, r := range rules.Stages {
		s := &own.Stages[i]
		s.Threshold, s.Thresholds, s.Patience = r.Threshold, r.Thresholds, r.Patience
		if s.Hazard != nil {
			hazard := *s.Hazard
			hazard.Below = r.Below
			s.Hazard = &hazard
		}
	}
	return &own
}

// point is a choice: the place of an option for each dimension.
type point []int

// start is the bundle's own choice.
func start(all []dimension) point {
	p := make(point, len(all))
	for i := range all {
		p[i] = all[i].own
	}
	return p
}

// rules are those of a choice.
func (p point) rules(spec *cascade.Spec, all []dimension) Rules {
	out := RulesOf(spec)
	for i, d := range all {
		d.options[p[i]](&out)
	}
	return out
}

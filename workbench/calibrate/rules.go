// Package calibrate chooses the rules of a cascade for known flows.
//
// Rules are thresholds, bounds of hazards and patience. The models stay as they are.
package calibrate

import (
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

// Rules are what may be chosen of one stage.
type Rules struct {
	Threshold  float64
	Thresholds []float64 // by the class that is ahead; nil: Threshold holds for all
	Below      float64   // of the hazard; 0: the stage has none
	Patience   []cascade.Patience
}

// RulesOf are those that a stage has.
func RulesOf(s *cascade.Stage) Rules {
	r := Rules{Threshold: s.Threshold, Thresholds: s.Thresholds, Patience: s.Patience}
	if s.Hazard != nil {
		r.Below = s.Hazard.Below
	}
	return r
}

// With gives the cascade with other rules, one for each stage.
func With(spec *cascade.Spec, rules []Rules) *cascade.Spec {
	own := *spec
	own.Stages = slices.Clone(spec.Stages)
	own.Drift = nil // of the flows under the rules before
	for i, r := range rules {
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

// dimension is one rule of one stage, with what it may be. Options that are neighbours are alike
// where it is ordered; the bundle's own is among them.
type dimension struct {
	Stage   int
	Name    string
	ordered bool
	own     int
	options []func(*Rules)
}

// never is a bound of a hazard below which no probability lies: the flow always waits.
const never = 1e-6

// space is everything that may be chosen of a cascade. uncertainties are those of each stage's
// answers, ascending: thresholds are taken from among them. idle is how long flows wait at most.
func space(spec *cascade.Spec, uncertainties [][]float64, idle time.Duration) (all []dimension) {
	for i := range spec.Stages {
		s := &spec.Stages[i]
		last := i == len(spec.Stages)-1
		if !last || s.MaxDepth > s.Depth {
			all = append(all, thresholds(s, i, uncertainties[i]))
		}
		if !last && s.Hazard != nil {
			all = append(all, bounds(s, i))
		}
		if spec.Depth() > s.Depth && (!last || s.MaxDepth > s.Depth) {
			all = append(all, patience(s, i, idle))
		}
	}
	return all
}

// thresholds are quantiles of the uncertainties, from handing all flows on to handing on none.
func thresholds(s *cascade.Stage, stage int, uncertainties []float64) dimension {
	d := dimension{Stage: stage, Name: "threshold", ordered: true}
	const steps = 40
	values := []float64{0, 1}
	for k := range steps {
		if n := len(uncertainties); n > 0 {
			values = append(values, min(1, max(0, uncertainties[k*(n-1)/(steps-1)])))
		}
	}
	own := s.Threshold
	slices.Sort(values)
	values = slices.Compact(values)
	at, _ := slices.BinarySearch(values, own)
	values = slices.Insert(values, at, own)
	d.own = at
	for k, v := range values {
		thresholds := []float64(nil)
		if k == at {
			thresholds = s.Thresholds
		}
		d.options = append(d.options, func(r *Rules) { r.Threshold, r.Thresholds = v, thresholds })
	}
	return d
}

// bounds are those of a hazard: from never to mostly.
func bounds(s *cascade.Stage, stage int) dimension {
	d := dimension{Stage: stage, Name: "below", ordered: true}
	values := []float64{never, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9}
	at, there := slices.BinarySearch(values, s.Hazard.Below)
	if !there {
		values = slices.Insert(values, at, s.Hazard.Below)
	}
	d.own = at
	for _, v := range values {
		d.options = append(d.options, func(r *Rules) { r.Below = v })
	}
	return d
}

// patience is the bundle's, the same with all waits shorter or longer, one wait for all answers, or none.
func patience(s *cascade.Stage, stage int, idle time.Duration) dimension {
	d := dimension{Stage: stage, Name: "patience", options: []func(*Rules){func(r *Rules) { r.Patience = s.Patience }}}
	if s.Patience != nil {
		d.options = append(d.options, func(r *Rules) { r.Patience = nil })
		for _, by := range []float64{.25, .5, 2} {
			scaled := slices.Clone(s.Patience)
			for k := range scaled {
				scaled[k].Wait = max(time.Millisecond, min(time.Duration(by*float64(scaled[k].Wait)).Round(time.Millisecond), max(idle, scaled[k].Wait)))
			}
			d.options = append(d.options, func(r *Rules) { r.Patience = scaled })
		}
	}
	for _, wait := range []time.Duration{50, 100, 200, 350, 500, 750, 1000, 1500} {
		if wait *= time.Millisecond; wait < idle {
			d.options = append(d.options, func(r *Rules) { r.Patience = []cascade.Patience{{Wait: wait}} })
		}
	}
	return d
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
func (p point) rules(spec *cascade.Spec, all []dimension) []Rules {
	out := make([]Rules, len(spec.Stages))
	for i := range out {
		out[i] = RulesOf(&spec.Stages[i])
	}
	for i, d := range all {
		d.options[p[i]](&out[d.Stage])
	}
	return out
}

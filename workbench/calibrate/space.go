package calibrate

import (
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

// dimension is one rule of one stage, or of a family, with what it may be. Options that are
// neighbours are alike where it is ordered; the bundle's own is among them.
type dimension struct {
	Name    string
	ordered bool
	own     int
	options []func(*Rules)
}

// never is a bound of a hazard below which no probability lies: the flow always waits.
const never = 1e-6

// space is everything that may be chosen of a cascade's stages. uncertainties are those of each stage's
// answers, ascending: thresholds are taken from among them. idle is how long flows wait at most.
func space(spec *cascade.Spec, uncertainties [][]float64, idle time.Duration) (all []dimension) {
	for i := range spec.Stages {
		s := &spec.Stages[i]
		last := i == len(spec.Stages)-1
		if defers(spec, i) {
			all = append(all, thresholds(s, i, uncertainties[i]))
		}
		if !last && s.Hazard != nil {
			all = append(all, bounds(s, i))
		}
		if spec.Depth() > s.Depth && defers(spec, i) {
			all = append(all, patience(s, i, idle))
		}
	}
	return all
}

// defers reports whether an answer of the stage may be other than final.
func defers(spec *cascade.Spec, stage int) bool {
	s := &spec.Stages[stage]
	return stage < len(spec.Stages)-1 || s.MaxDepth > s.Depth
}

// thresholds are quantiles of the uncertainties, from handing all flows on to handing on none.
func thresholds(s *cascade.Stage, stage int, uncertainties []float64) dimension {
	d := dimension{Name: "threshold", ordered: true}
	values := quantiles(uncertainties)
	d.own, _ = slices.BinarySearch(values, s.Threshold)
	values = slices.Insert(values, d.own, s.Threshold)
	for k, v := range values {
		thresholds := []float64(nil)
		if k == d.own {
			thresholds = s.Thresholds
		}
		d.options = append(d.options, func(r *Rules) { r.Stages[stage].Threshold, r.Stages[stage].Thresholds = v, thresholds })
	}
	return d
}

// quantiles are 40 of a sorted list, 0 and 1, each once and ascending.
func quantiles(sorted []float64) []float64 {
	const steps = 40
	values := []float64{0, 1}
	for k := range steps {
		if n := len(sorted); n > 0 {
			values = append(values, min(1, max(0, sorted[k*(n-1)/(steps-1)])))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// bounds are those of a hazard: from never to mostly.
func bounds(s *cascade.Stage, stage int) dimension {
	d := dimension{Name: "below", ordered: true}
	values := []float64{never, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9}
	at, there := slices.BinarySearch(values, s.Hazard.Below)
	if !there {
		values = slices.Insert(values, at, s.Hazard.Below)
	}
	d.own = at
	for _, v := range values {
		d.options = append(d.options, func(r *Rules) { r.Stages[stage].Below = v })
	}
	return d
}

// patience is the bundle's, the same with all waits shorter or longer, one wait for all answers, or none.
func patience(s *cascade.Stage, stage int, idle time.Duration) dimension {
	d := dimension{Name: "patience", options: []func(*Rules){func(r *Rules) { r.Stages[stage].Patience = s.Patience }}}
	if s.Patience != nil {
		d.options = append(d.options, func(r *Rules) { r.Stages[stage].Patience = nil })
		for _, by := range []float64{.25, .5, 2} {
			scaled := slices.Clone(s.Patience)
			for k := range scaled {
				scaled[k].Wait = max(time.Millisecond, min(time.Duration(by*float64(scaled[k].Wait)).Round(time.Millisecond), max(idle, scaled[k].Wait)))
			}
			d.options = append(d.options, func(r *Rules) { r.Stages[stage].Patience = scaled })
		}
	}
	for _, wait := range []time.Duration{50, 100, 200, 350, 500, 750, 1000, 1500} {
		if wait *= time.Millisecond; wait < idle {
			d.options = append(d.options, func(r *Rules) { r.Stages[stage].Patience = []cascade.Patience{{Wait: wait}} })
		}
	}
	return d
}

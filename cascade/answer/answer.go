// Package answer computes what a model can read of another model's answer, a probability for
// each class. The numbers have names, which begin with Prefix, as features of a flow do.
package answer

import (
	"math"
	"slices"
)

// Prefix begins the name of each feature of an answer.
const Prefix = "answer_"

// Feature computes one number of an answer.
type Feature func(p []float64) float64

// Named is the feature of this name; ok is false if there is none.
func Named(name string) (of Feature, ok bool) {
	switch name {
	case Prefix + "first":
		return func(p []float64) float64 { first, _ := Best(p); return float64(first) }, true
	case Prefix + "second":
		return func(p []float64) float64 { _, second := Best(p); return float64(second) }, true
	case Prefix + "margin":
		return func(p []float64) float64 { first, second := Largest(p); return first - second }, true
	case Prefix + "entropy":
		return Entropy, true
	}
	if n := slices.Index(places[:], name); n >= 0 {
		return func(p []float64) float64 { return ranked(p, n) }, true
	}
	return nil, false
}

// places are the names of the largest probabilities, in order.
var places = [...]string{Prefix + "p1", Prefix + "p2", Prefix + "p3", Prefix + "p4", Prefix + "p5"}

// Names are those of all features.
func Names() []string {
	return append(slices.Clone(places[:]), Prefix+"margin", Prefix+"entropy", Prefix+"first", Prefix+"second")
}

// Best are the places of the two largest probabilities: of equal ones the first. second is -1
// where there is one class only.
func Best(p []float64) (first, second int) {
	second = -1
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] > p[first]:
			first, second = i, first
		case second < 0 || p[i] > p[second]:
			second = i
		}
	}
	return first, second
}

// Largest are the two largest probabilities; 0 where there are fewer.
func Largest(p []float64) (first, second float64) {
	for _, x := range p {
		if x > first {
			first, second = x, first
		} else if x > second {
			second = x
		}
	}
	return first, second
}

// Entropy is the entropy divided by its largest possible value, log n for n classes.
func Entropy(p []float64) float64 {
	if len(p) < 2 {
		return 0
	}
	var h float64
	for _, x := range p {
		if x > 0 {
			h -= x * math.Log(x)
		}
	}
	return min(1, h/math.Log(float64(len(p))))
}

// ranked is the probability at a place, from 0 for the largest; 0 where there are fewer.
func ranked(p []float64, place int) float64 {
	var top [len(places)]float64
	for _, x := range p {
		for k := range top {
			if x > top[k] {
				top[k], x = x, top[k]
			}
		}
	}
	return top[place]
}

// Package answer computes what a model can read of another model's answer, a probability for
// each class. The numbers have names, which begin with Prefix, as features of a flow do.
package answer

import (
	"math"
	"slices"
)

// Prefix begins the name of each feature of an answer.
const Prefix = "answer_"

// Most is how many classes an Answer ranks.
const Most = 5

// Answer is what a stage says of a flow.
type Answer struct {
	P   []float64 // the probability of each class
	Top [Most]int // the places of the largest ones, in order: of equal ones the first; -1 where there are fewer
}

// Rank makes an answer of probabilities, one at least, which it keeps.
func Rank(p []float64) Answer {
	a := Answer{p, [Most]int{-1, -1, -1, -1, -1}}
	for i, x := range p {
		k := Most // mostly x is below all that are there
		for ; k > 0 && (a.Top[k-1] < 0 || x > p[a.Top[k-1]]); k-- {
			if k < Most {
				a.Top[k] = a.Top[k-1]
			}
		}
		if k < Most {
			a.Top[k] = i
		}
	}
	return a
}

// First is the place of the largest probability.
func (a *Answer) First() int { return a.Top[0] }

// At is the probability at a place of the order, from 0 for the largest; 0 where there are fewer.
func (a *Answer) At(place int) float64 {
	if a.Top[place] < 0 {
		return 0
	}
	return a.P[a.Top[place]]
}

// Margin is how far the two largest are apart.
func (a *Answer) Margin() float64 { return a.At(0) - a.At(1) }

// Entropy is the entropy divided by its largest possible value, log n for n classes.
func (a *Answer) Entropy() float64 {
	if len(a.P) < 2 {
		return 0
	}
	var h float64
	for _, x := range a.P {
		if x > 0 {
			h -= x * math.Log(x)
		}
	}
	return min(1, h/math.Log(float64(len(a.P))))
}

// Feature computes one number of an answer.
type Feature func(a *Answer) float64

// Named is the feature of this name; ok is false if there is none.
func Named(name string) (of Feature, ok bool) {
	switch name {
	case Prefix + "first":
		return func(a *Answer) float64 { return float64(a.Top[0]) }, true
	case Prefix + "second":
		return func(a *Answer) float64 { return float64(a.Top[1]) }, true
	case Prefix + "margin":
		return (*Answer).Margin, true
	case Prefix + "entropy":
		return (*Answer).Entropy, true
	}
	if n := slices.Index(places[:], name); n >= 0 {
		return func(a *Answer) float64 { return a.At(n) }, true
	}
	return nil, false
}

// places are the names of the largest probabilities, in order.
var places = [Most]string{Prefix + "p1", Prefix + "p2", Prefix + "p3", Prefix + "p4", Prefix + "p5"}

// Names are those of all features.
func Names() []string {
	return append(slices.Clone(places[:]), Prefix+"margin", Prefix+"entropy", Prefix+"first", Prefix+"second")
}

// Package drift compares the flows that a task decides with those that its bundle was
// calibrated on, by the population stability index.
package drift

// Reference is what the flows of the calibration set looked like. Every number is a number
// of flows. The tags are those of a bundle's file serveflow.drift/1.
type Reference struct {
	Schema   string    `json:"schema"`
	Stages   []Stage   `json:"stages"`   // all of the bundle, in its order
	Labels   []Label   `json:"labels"`   // all classes, in the bundle's order
	Features []Feature `json:"features"` // of the first stage
}

// Stage is how unsure a stage was of the flows that it was asked about.
type Stage struct {
	Name        string  `json:"name"`
	Uncertainty []int64 `json:"uncertainty"` // by bin, see UncertaintyBins
	Deferred    int64   `json:"deferred"`    // to the next stage
}

// Label is how many flows had a class as their final label.
type Label struct {
	Name  string `json:"name"`
	Flows int64  `json:"flows"`
}

// Feature is which values a feature had in the rows of the first stage.
type Feature struct {
	Name string `json:"name"`
	// Edges bound the bins of values that are there, ascending. A value that equals an edge
	// is in the bin below it.
	Edges []float32 `json:"edges"`
	// Flows are those without a value, and then those of the len(Edges)+1 bins.
	Flows []int64 `json:"flows"`

	Column int `json:"-"` // of the first stage's rows
}

// UncertaintyBins is how many bins a stage's uncertainty has. Each is half as wide as the
// next, because the uncertainty of most flows is close to 0: up to 1/512, up to 1/256, and so
// on up to 1/2 and up to 1.
const UncertaintyBins = 10

// absent is the value of a feature that a flow does not have.
const absent = -1

// bin gives the place of an uncertainty among the bins.
func bin(uncertainty float64) int {
	k, edge := UncertaintyBins-1, .5
	for k > 0 && uncertainty <= edge {
		k, edge = k-1, edge/2
	}
	return k
}

// bin gives the place of a value among the feature's bins: 0 if it is absent.
func (f *Feature) bin(value float32) int {
	if value == absent {
		return 0
	}
	k := 0
	for k < len(f.Edges) && value > f.Edges[k] {
		k++
	}
	return k + 1
}

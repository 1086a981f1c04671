package trees

import (
	"cmp"
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// Forest is an ensemble of trees. It is safe for concurrent use.
type Forest struct {
	as    Arithmetic
	small *forest[uint32] // if no tree has more than 32 leaves, and else nil
	large *forest[uint64]
}

// Arithmetic is how the library that a model was made for computes. Both give its scores to the last bit.
type Arithmetic struct {
	Single  bool    // leaves are added up in float32
	Missing float32 // what a value that is no number counts as
}

// New makes a forest. The trees must be trees: each split and
// leaf hangs from one split that comes before it. None may have more than MaxLeaves leaves.
func New(trees []Tree, as Arithmetic) *Forest {
	f := &Forest{as: as}
	if most := slices.MaxFunc(trees, func(a, b Tree) int { return cmp.Compare(len(a.Leaves), len(b.Leaves)) }); len(most.Leaves) <= 32 {
		f.small = newForest[uint32](trees)
	} else {
		f.large = newForest[uint64](trees)
	}
	return f
}

// Predict writes the sums of the leaves of n rows to out, n times scores numbers, added up in the order of
// the trees. The rows lie one behind the other, and have every feature that trees split by.
func (f *Forest) Predict(rows []float32, n int, out []float64) {
	clear(out)
	if f.small != nil {
		f.small.predict(rows, n, f.as, out)
	} else {
		f.large.predict(rows, n, f.as, out)
	}
}

// forest is a Forest whose sets of leaves are of one size.
type forest[set uint32 | uint64] struct {
	features []feature
	cuts     []cut[set]
	trees    []exit
	leaves   []float64 // of all trees
	full     []set     // for each tree, all of its leaves
	rows     sync.Pool // of *[]set, the leaves that are left in each tree
}

// feature is what a column of a row does. The thresholds are sorted, each once; steps are parallel.
type feature struct {
	column     int
	thresholds []float32
	steps      []step
}

// step is what a value does that is above so many thresholds: two runs of cuts.
type step struct{ merged, since run }

// run is a part of the forest's cuts.
type run struct{ begin, end uint32 }

// cut is what splits do to their tree.
type cut[set uint32 | uint64] struct {
	tree uint32
	keep set // the leaves that are not to their left
}

// exit is where a tree's leaves begin, and which score they are added to.
type exit struct {
	leaves uint32
	score  uint32
}

func newForest[set uint32 | uint64](trees []Tree) *forest[set] {
	f, by := &forest[set]{}, map[int][]split[set]{}
	for i := range trees {
		t := number(&trees[i])
		f.trees = append(f.trees, exit{uint32(len(f.leaves)), uint32(trees[i].Score)})
		f.leaves = append(f.leaves, t.leaves...)
		f.full = append(f.full, set(1<<len(t.leaves)-1))
		for k, s := range trees[i].Splits {
			by[s.Feature] = append(by[s.Feature], split[set]{below(s.Threshold), cut[set]{uint32(i), ^set(t.lost[k])}})
		}
	}
	all := newMerged[set](len(trees))
	for _, column := range slices.Sorted(maps.Keys(by)) {
		f.feature(column, by[column], all)
	}
	f.rows.New = func() any { left := make([]set, len(f.trees)); return &left }
	return f
}

func (f *forest[set]) predict(rows []float32, n int, as Arithmetic, out []float64) {
	if n == 0 {
		return
	}
	width, scores := len(rows)/n, len(out)/n
	left := f.rows.Get().(*[]set)
	for ; n > 0; n-- {
		f.lose(rows[:width], as.Missing, *left)
		f.add(*left, as.Single, out[:scores])
		rows, out = rows[width:], out[scores:]
	}
	f.rows.Put(left)
}

// add adds up the row's leaves: in each tree the first one that is left.
func (f *forest[set]) add(left []set, single bool, out []float64) {
	leaves, left := f.leaves, left[:len(f.trees)]
	if single {
		for i, t := range f.trees {
			out[t.score] = float64(float32(out[t.score] + leaves[int(t.leaves)+bits.TrailingZeros64(uint64(left[i]))]))
		}
		return
	}
	for i, t := range f.trees {
		out[t.score] += leaves[int(t.leaves)+bits.TrailingZeros64(uint64(left[i]))]
	}
}

// lose finds the leaves that are left in each tree.
func (f *forest[set]) lose(row []float32, missing float32, left []set) {
	copy(left, f.full)
	for i := range f.features {
		of := &f.features[i]
		x := row[of.column]
		if x != x {
			x = missing
		}
		n := above(of.thresholds, x)
		if n == 0 {
			continue
		}
		at := &of.steps[n-1]
		for _, c := range f.cuts[at.merged.begin:at.merged.end] {
			left[c.tree] &= c.keep
		}
		for _, c := range f.cuts[at.since.begin:at.since.end] {
			left[c.tree] &= c.keep
		}
	}
}

// below is the largest float32 that is not above x. The same float32 are at most x and at most this.
func below(x float64) float32 {
	if y := float32(x); float64(y) <= x {
		return y
	}
	return math.Nextafter32(float32(x), float32(math.Inf(-1)))
}

// above is how many of the sorted thresholds x is above.
func above(thresholds []float32, x float32) int {
	if len(thresholds) == 0 || !(x > thresholds[0]) {
		return 0 // mostly: the value of a packet that is not there
	}
	low := 0
	for n := len(thresholds); n > 1; { // without a branch that a processor would guess wrong half the time
		half := n / 2
		if x > thresholds[low+half] {
			low += half
		}
		n -= half
	}
	return low + 1
}

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

// forest is a Forest whose sets of leaves are of one size. The splits are sorted by feature and
// threshold; thresholds and cuts are parallel.
type forest[set uint32 | uint64] struct {
	features   []feature
	thresholds []float32
	cuts       []cut[set]
	trees      []exit
	leaves     []float64 // of all trees
	full       []set     // for each tree, all of its leaves
	rows       sync.Pool // of *[]set, the leaves that are left in each tree
}

// feature is where the splits by one column of a row lie.
type feature struct {
	column     int
	begin, end int
}

// cut is what a split does to its tree if the row's value is above the threshold.
type cut[set uint32 | uint64] struct {
	tree uint32
	keep set // the leaves that are not to its left
}

// exit is where a tree's leaves begin, and which score they are added to.
type exit struct {
	leaves uint32
	score  uint32
}

func newForest[set uint32 | uint64](trees []Tree) *forest[set] {
	type split struct {
		threshold float32
		cut       cut[set]
	}
	f, by := &forest[set]{}, map[int][]split{}
	for i := range trees {
		t := number(&trees[i])
		f.trees = append(f.trees, exit{uint32(len(f.leaves)), uint32(trees[i].Score)})
		f.leaves = append(f.leaves, t.leaves...)
		f.full = append(f.full, set(1<<len(t.leaves)-1))
		for k, s := range trees[i].Splits {
			by[s.Feature] = append(by[s.Feature], split{below(s.Threshold), cut[set]{uint32(i), ^set(t.lost[k])}})
		}
	}
	for _, column := range slices.Sorted(maps.Keys(by)) {
		slices.SortStableFunc(by[column], func(a, b split) int { return cmp.Compare(a.threshold, b.threshold) })
		f.features = append(f.features, feature{column, len(f.cuts), len(f.cuts) + len(by[column])})
		for _, s := range by[column] {
			f.thresholds, f.cuts = append(f.thresholds, s.threshold), append(f.cuts, s.cut)
		}
	}
	f.rows.New = func() any { left := make([]set, len(f.trees)); return &left }
	return f
}

// below is the largest float32 that is not above x. The same float32 are at most x and at most this.
func below(x float64) float32 {
	if y := float32(x); float64(y) <= x {
		return y
	}
	return math.Nextafter32(float32(x), float32(math.Inf(-1)))
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
	for i, t := range f.trees {
		sum := &out[t.score]
		*sum += f.leaves[int(t.leaves)+bits.TrailingZeros64(uint64(left[i]))]
		if single {
			*sum = float64(float32(*sum))
		}
	}
}

// lose finds the leaves that are left in each tree.
func (f *forest[set]) lose(row []float32, missing float32, left []set) {
	copy(left, f.full)
	for _, of := range f.features {
		x := row[of.column]
		if x != x {
			x = missing
		}
		n := above(f.thresholds[of.begin:of.end], x)
		for _, c := range f.cuts[of.begin : of.begin+n] {
			left[c.tree] &= c.keep
		}
	}
}

// above is how many of the sorted thresholds x is above.
func above(thresholds []float32, x float32) int {
	if len(thresholds) == 0 || !(x > thresholds[0]) {
		return 0 // mostly: the value of a packet that is not there
	}
	low, high := 1, len(thresholds)
	for low < high {
		if middle := int(uint(low+high) >> 1); x > thresholds[middle] {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

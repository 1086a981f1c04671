package trees

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// walk is the plain way: down each tree, and the leaves added up.
func walk(trees []Tree, scores int, as Arithmetic, row []float32) []float64 {
	out := make([]float64, scores)
	for _, t := range trees {
		node := -1 // of a tree of one leaf
		if len(t.Splits) > 0 {
			node = 0
		}
		for node >= 0 {
			s, x := t.Splits[node], row[t.Splits[node].Feature]
			if x != x {
				x = as.Missing
			}
			if node = s.Right; float64(x) <= s.Threshold {
				node = s.Left
			}
		}
		if out[t.Score] += t.Leaves[^node]; as.Single {
			out[t.Score] = float64(float32(out[t.Score]))
		}
	}
	return out
}

// grown is a tree of any shape, whose leaves are numbered by chance.
func grown(rng *rand.Rand, leaves int, values []float64) Tree {
	t := Tree{Score: rng.IntN(3)}
	for _, at := range rng.Perm(leaves) {
		t.Leaves = append(t.Leaves, rng.NormFloat64()*float64(1+at))
	}
	free := rng.Perm(leaves)
	var below func(n int) int
	below = func(n int) int {
		if n == 1 {
			leaf := free[0]
			free = free[1:]
			return ^leaf
		}
		place := len(t.Splits)
		t.Splits = append(t.Splits, Split{Feature: rng.IntN(5), Threshold: values[rng.IntN(len(values))]})
		k := 1 + rng.IntN(n-1)
		left := below(k)
		right := below(n - k)
		t.Splits[place].Left, t.Splits[place].Right = left, right
		return place
	}
	below(leaves)
	return t
}

func TestForestsAreTheirTrees(t *testing.T) {
	thresholds := []float64{-1, -.5, 0, 1e-35, 1e-300, .1, 1, 2.5, 1e9, 1e39, -1e39, 16777217, math.MaxFloat64}
	values := []float32{0, -1, 1, 2.5, .1, 1e9, 16777216, 16777218, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, 1e-35, math.SmallestNonzeroFloat32}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int{1, 2, 31, 32, 33, 63, 64} {
		for _, as := range []Arithmetic{{}, {Single: true}, {Missing: float32(math.Inf(1))}, {Single: true, Missing: float32(math.Inf(-1))}} {
			trees := []Tree{grown(rng, most, thresholds)}
			for range 20 {
				trees = append(trees, grown(rng, 1+rng.IntN(most), thresholds))
			}
			f, out := New(trees, as), []float64{7, 7, 7}
			for range 500 {
				row := make([]float32, 5)
				for i := range row {
					row[i] = values[rng.IntN(len(values))]
				}
				f.Predict(row, 1, out)
				if want := walk(trees, 3, as, row); !slices.Equal(out, want) {
					t.Fatalf("trees of up to %d leaves, %+v: %v is scored %v, not %v", most, as, row, out, want)
				}
			}
		}
	}
}

func TestForestsServeManyAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	trees := []Tree{grown(rng, 20, []float64{0, 1, 2}), grown(rng, 30, []float64{0, 1, 2})}
	f := New(trees, Arithmetic{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			row, out := []float32{float32(i), 1, 2, 0, float32(3 - i)}, make([]float64, 3)
			want := walk(trees, 3, Arithmetic{}, row)
			for range 200 {
				if f.Predict(row, 1, out); !slices.Equal(out, want) {
					t.Errorf("row %d: another answer in parallel", i)
				}
			}
		})
	}
	all.Wait()
}

func TestManyRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	trees := []Tree{grown(rng, 20, []float64{0, 1, 2}), grown(rng, 3, []float64{0, 1, 2})}
	f, rows, out, want := New(trees, Arithmetic{}), []float32{}, make([]float64, 3*9), []float64{}
	for range 9 {
		row := []float32{float32(rng.IntN(4)), 1, float32(rng.IntN(4)), 0, 2}
		rows, want = append(rows, row...), append(want, walk(trees, 3, Arithmetic{}, row)...)
	}
	if f.Predict(rows, 9, out); !slices.Equal(out, want) {
		t.Errorf("got %v, want %v", out, want)
	}
	f.Predict(nil, 0, nil)
}

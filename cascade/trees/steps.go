package trees

import (
	"cmp"
	"maps"
	"slices"
)

// split is a split of some tree, with what it does to the tree if the row's value is above the threshold.
type split[set uint32 | uint64] struct {
	threshold float32
	cut       cut[set]
}

// feature adds the splits by a column. A value that is above many thresholds would cut each tree several times. So now
// and then, what all thresholds so far do to a tree is merged into one cut; only those since then are done one by one.
func (f *forest[set]) feature(column int, splits []split[set]) {
	slices.SortStableFunc(splits, func(a, b split[set]) int { return cmp.Compare(a.threshold, b.threshold) })
	of, all, here := feature{column: column}, map[uint32]set{}, step{since: f.end()}
	for i, s := range splits {
		f.cuts = append(f.cuts, s.cut)
		here.since.end++
		keep, ok := all[s.cut.tree]
		if !ok {
			keep = ^set(0)
		}
		all[s.cut.tree] = keep & s.cut.keep
		if i+1 < len(splits) && splits[i+1].threshold == s.threshold {
			continue
		}
		if int(here.since.end-here.since.begin)*mergeEvery >= len(all) {
			here = f.merge(all)
		}
		of.thresholds, of.steps = append(of.thresholds, s.threshold), append(of.steps, here)
	}
	f.features = append(f.features, of)
}

// mergeEvery bounds the memory: there are at most so many merged cuts for each split.
const mergeEvery = 4

// merge adds what all thresholds so far do to each tree.
func (f *forest[set]) merge(all map[uint32]set) step {
	merged := f.end()
	for _, tree := range slices.Sorted(maps.Keys(all)) {
		f.cuts = append(f.cuts, cut[set]{tree, all[tree]})
	}
	merged.end = f.end().end
	return step{merged: merged, since: f.end()}
}

// end is the empty run behind all cuts.
func (f *forest[set]) end() run { return run{uint32(len(f.cuts)), uint32(len(f.cuts))} }

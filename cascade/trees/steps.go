package trees

import (
	"cmp"
	"slices"
)

// split is a split of some tree, with what it does to the tree if the row's value is above the threshold.
type split[set uint32 | uint64] struct {
	threshold float32
	cut       cut[set]
}

// feature adds the splits by a column. A value that is above many thresholds would cut each tree several times. So now
// and then, what all thresholds so far do to a tree is merged into one cut; only those since then are done one by one.
func (f *forest[set]) feature(column int, splits []split[set], all *merged[set]) {
	slices.SortStableFunc(splits, func(a, b split[set]) int { return cmp.Compare(a.threshold, b.threshold) })
	of, here := feature{column: column}, step{since: f.end()}
	all.reset()
	for i, s := range splits {
		f.cuts = append(f.cuts, s.cut)
		here.since.end++
		all.add(s.cut)
		if i+1 < len(splits) && splits[i+1].threshold == s.threshold {
			continue
		}
		if int(here.since.end-here.since.begin)*mergeEvery >= len(all.trees) {
			here.merged = f.end()
			f.cuts = all.appendTo(f.cuts)
			here.merged.end, here.since = f.end().end, f.end()
		}
		of.thresholds, of.steps = append(of.thresholds, s.threshold), append(of.steps, here)
	}
	f.features = append(f.features, of)
}

// mergeEvery bounds the memory: there are at most so many merged cuts for each split.
const mergeEvery = 4

// end is the empty run behind all cuts.
func (f *forest[set]) end() run { return run{uint32(len(f.cuts)), uint32(len(f.cuts))} }

// merged is what the thresholds of a feature so far do to each tree.
type merged[set uint32 | uint64] struct {
	keep  []set    // of each tree; all leaves where no threshold does anything
	trees []uint32 // those that lose leaves, in order
}

func newMerged[set uint32 | uint64](trees int) *merged[set] {
	m := &merged[set]{keep: make([]set, trees)}
	for i := range m.keep {
		m.keep[i] = ^set(0)
	}
	return m
}

func (m *merged[set]) reset() {
	for _, tree := range m.trees {
		m.keep[tree] = ^set(0)
	}
	m.trees = m.trees[:0]
}

func (m *merged[set]) add(c cut[set]) {
	if at, there := slices.BinarySearch(m.trees, c.tree); !there {
		m.trees = slices.Insert(m.trees, at, c.tree)
	}
	m.keep[c.tree] &= c.keep
}

// appendTo adds one cut for each tree.
func (m *merged[set]) appendTo(cuts []cut[set]) []cut[set] {
	for _, tree := range m.trees {
		cuts = append(cuts, cut[set]{tree, m.keep[tree]})
	}
	return cuts
}

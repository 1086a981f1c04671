package gbdt

import (
	"fmt"
	"math"

	"github.com/serveflow/serveflow/cascade/trees"
)

// decision_type of a split: bit 0 is set for a split by category, bit 1 if a missing value
// goes left. Bits 2 and 3 say which value counts as missing: 0 none, 1 zero, 2 NaN.
const (
	categorySplit = 1
	leftIfMissing = 1 << 1
	maxDecision   = 2<<2 | 3
)

// maxLeaf is the largest score of a leaf. With it, the sum over all trees is finite, and so
// are the probabilities.
const maxLeaf = 1e100

const maxWord = 1<<32 - 1 // of a set of categories

// parseTree checks one tree and adds it to the text for leaves.
func (f *file) parseTree(s *section) error {
	if linear, ok := s.fields["is_linear"]; ok && linear.value != "0" {
		return &fileError{linear.line, s.name, "is_linear: linear_tree is not served", trainGBDT}
	}
	leaves, err := s.integer("num_leaves", 1, maxLeaves)
	if err != nil {
		return err
	}
	splits := leaves - 1
	categories, err := s.integer("num_cat", 0, maxLeaves)
	if err != nil {
		return err
	}
	var t trees.Tree
	if t.Leaves, err = s.floats("leaf_value", leaves, maxLeaf); err != nil {
		return err
	}
	keep := []string{"num_leaves", "num_cat", "leaf_value"}
	if splits > 0 {
		t.Splits = make([]trees.Split, splits)
		if err := checkShape(s, t.Splits); err != nil {
			return err
		}
		if err := f.checkSplits(s, t.Splits, categories); err != nil {
			return err
		}
		keep = append(keep, "split_feature", "threshold", "decision_type", "left_child", "right_child")
		if categories > 0 {
			keep = append(keep, "cat_boundaries", "cat_threshold")
		}
	}
	for _, key := range keep {
		fmt.Fprintf(&f.text, "%s=%s\n", key, s.fields[key].value)
	}
	f.text.WriteByte('\n')
	f.trees = append(f.trees, t)
	f.walked = f.walked || leaves > trees.MaxLeaves
	return nil
}

// checkShape checks that the children form a binary tree. A child >= 0 is a split;
// otherwise ~child is a leaf. LightGBM numbers splits as it makes them, so a child has a
// higher number than its parent. If that holds, and each split and leaf has exactly one
// parent, then all are reached from the root and there is no cycle. The splits get their children.
func checkShape(s *section, of []trees.Split) error {
	splits := len(of)
	reached := make([]bool, 2*splits+1) // splits, then leaves
	for _, key := range []string{"left_child", "right_child"} {
		children, err := s.integers(key, splits, ^splits, splits-1)
		if err != nil {
			return err
		}
		for parent, child := range children {
			node := child
			if child < 0 {
				node = splits + ^child
			} else if child <= parent {
				return damaged(s.fields[key].line, s.name, "%s: split %d has split %d as a child, which does not come after it", key, parent, child)
			}
			if reached[node] {
				return damaged(s.fields[key].line, s.name, "%s: split %d has child %d, which hangs from another split too", key, parent, child)
			}
			reached[node] = true
			if key == "left_child" {
				of[parent].Left = child
			} else {
				of[parent].Right = child
			}
		}
	}
	return nil
}

// checkSplits checks the condition of each split, and records which features it uses. The splits
// get theirs.
func (f *file) checkSplits(s *section, of []trees.Split, categories int) error {
	splits := len(of)
	features, err := s.integers("split_feature", splits, 0, len(f.names)-1)
	if err != nil {
		return err
	}
	thresholds, err := s.floats("threshold", splits, math.MaxFloat64)
	if err != nil {
		return err
	}
	decisions, err := s.integers("decision_type", splits, 0, maxDecision)
	if err != nil {
		return err
	}
	byCat := 0
	for i, feature := range features {
		use := uint8(byThreshold)
		of[i].Feature, of[i].Threshold = feature, thresholds[i]
		f.walked = f.walked || decisions[i]&^leftIfMissing != 0
		if decisions[i]&categorySplit != 0 {
			if thresholds[i] != float64(byCat) {
				return damaged(s.fields["threshold"].line, s.name, "threshold: split %d is by category, so its value should be %d, not %v", i, byCat, thresholds[i])
			}
			use = byCategory
			byCat++
		}
		if f.uses[feature] != unused && f.uses[feature] != use {
			return damaged(s.fields["decision_type"].line, s.name, "decision_type: feature %s is split by threshold and by category", f.names[feature])
		}
		f.uses[feature] = use
	}
	if byCat != categories {
		return damaged(s.fields["num_cat"].line, s.name, "num_cat is %d, but %d splits are by category", categories, byCat)
	}
	if categories == 0 {
		return nil
	}
	return checkCategories(s, categories)
}

// checkCategories checks the sets of categories. Each is a bit set of 32-bit words; those of
// set i are cat_threshold[cat_boundaries[i]:cat_boundaries[i+1]].
func checkCategories(s *section, n int) error {
	bounds, err := s.integers("cat_boundaries", n+1, 0, maxWord)
	if err != nil {
		return err
	}
	line := s.fields["cat_boundaries"].line
	if bounds[0] != 0 {
		return damaged(line, s.name, "cat_boundaries starts with %d, not 0", bounds[0])
	}
	words, err := s.integers("cat_threshold", bounds[n], 0, maxWord)
	if err != nil {
		return err
	}
	for i := range n {
		if bounds[i+1] <= bounds[i] || bounds[i+1] > len(words) {
			return damaged(line, s.name, "cat_boundaries: value %d is %d, out of order", i+2, bounds[i+1])
		}
		any := 0
		for _, word := range words[bounds[i]:bounds[i+1]] {
			any |= word
		}
		if any == 0 {
			return damaged(s.fields["cat_threshold"].line, s.name, "cat_threshold: set %d has no category", i)
		}
	}
	return nil
}

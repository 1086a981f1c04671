package trees

// MaxLeaves is the most leaves that a tree may have: a bit for each in one word.
const MaxLeaves = 64

// Tree is one tree of an ensemble. The first split is the root; a tree of one leaf has none.
type Tree struct {
	Score  int // the place of the score that its leaf is added to
	Splits []Split
	Leaves []float64
}

// Split sends a row to the left where its value of the feature is at most the threshold, and else to
// the right. Children from 0 on are splits; ^child is a leaf.
type Split struct {
	Feature     int
	Threshold   float64
	Left, Right int
}

// numbered is a tree whose leaves have their numbers from left to right.
type numbered struct {
	tree   *Tree
	leaves []float64
	lost   []uint64 // for each split, the leaves to its left
}

// number goes through the tree from left to right.
func number(t *Tree) numbered {
	n := numbered{tree: t, lost: make([]uint64, len(t.Splits))}
	if len(t.Splits) == 0 {
		n.leaves = t.Leaves[:1]
		return n
	}
	n.below(0)
	return n
}

// below numbers the leaves below a split, or a leaf, and gives their set.
func (n *numbered) below(child int) uint64 {
	if child < 0 {
		n.leaves = append(n.leaves, n.tree.Leaves[^child])
		return 1 << (len(n.leaves) - 1)
	}
	s := &n.tree.Splits[child]
	n.lost[child] = n.below(s.Left)
	return n.lost[child] | n.below(s.Right)
}

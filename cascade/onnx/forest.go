package onnx

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/serveflow/serveflow/cascade/trees"
)

// forestOf gives the trees of a model that is one ensemble and nothing else, if package trees takes
// them: of three classes or more, with splits by "at most" alone, each tree with the votes of one class. nil
// is any other model, which ONNX Runtime serves. The ensemble was checked before; nil: there is none.
func forestOf(only *ensemble, output string) *trees.Forest {
	if only == nil || !isPlain(only.node, output) {
		return nil
	}
	grown, missing := grow(only), missing(only.node)
	if grown == nil || math.IsNaN(float64(missing)) {
		return nil
	}
	return trees.New(grown, trees.Arithmetic{Single: true, Missing: missing})
}

// missing is the number that goes where a value that is none goes, at each split; NaN if there is no such number. A
// split says itself where it goes: LightGBM takes it for 0, others send it to one side.
func missing(n *graphNode) float32 {
	tracks := n.ints["nodes_missing_value_tracks_true"]
	for _, as := range []float32{0, float32(math.Inf(1)), float32(math.Inf(-1))} {
		fits := true
		for i, threshold := range n.floats["nodes_values"] {
			left := len(tracks) > 0 && tracks[i] != 0
			fits = fits && (n.texts["nodes_modes"][i] == leafMode || left == (as <= threshold))
		}
		if fits {
			return as
		}
	}
	return float32(math.NaN())
}

func classes(n *graphNode) int {
	return len(n.ints["classlabels_int64s"]) + len(n.texts["classlabels_strings"])
}

// isPlain reports whether the graph's scores are sums of leaves and nothing more. output is their name; "" is the
// only output that can be it.
func isPlain(n *graphNode, output string) bool {
	return n.domain == mlDomain && n.op == classifier && len(n.outputs) == 2 && (output == "" || n.outputs[1] == output) &&
		(n.text["post_transform"] == "" || n.text["post_transform"] == "NONE") && len(n.floats["base_values"]) == 0 && classes(n) > 2 &&
		!slices.ContainsFunc(n.texts["nodes_modes"], func(mode string) bool { return mode != leafMode && mode != "BRANCH_LEQ" })
}

// grower makes trees of a checked node, one after the other.
type grower struct {
	node  *graphNode
	at    map[nodeID]int   // entries of splits and leaves
	votes map[nodeID][]int // entries of votes, of each leaf
	seen  map[int]bool     // entries that hang from a split already
	tree  *trees.Tree      // that is made now
	whose int64            // its number
}

// grow gives the trees in the order in which ONNX Runtime adds them up; nil if one is not for package trees.
func grow(e *ensemble) []trees.Tree {
	n := e.node
	g := &grower{node: n, at: e.at, votes: map[nodeID][]int{}, seen: map[int]bool{}}
	ids, nodes := e.trees, e.nodes
	for i, leaf := range n.ints["class_nodeids"] {
		id := nodeID{n.ints["class_treeids"][i], leaf}
		g.votes[id] = append(g.votes[id], i)
	}
	var grown []trees.Tree
	for i := range ids {
		if i > 0 && ids[i] == ids[i-1] {
			continue // not the root, which comes first
		}
		t := trees.Tree{Score: -1}
		g.tree, g.whose = &t, ids[i]
		if _, ok := g.below(nodes[i]); !ok || len(t.Leaves) > trees.MaxLeaves {
			return nil
		}
		grown = append(grown, t)
	}
	if len(g.seen) != len(ids) { // a tree in two places, or a node that nothing leads to
		return nil
	}
	return grown
}

// below adds a node, and all that hang from it, to the tree, and gives its place as trees.Split has it.
func (g *grower) below(node int64) (place int, ok bool) {
	id := nodeID{g.whose, node}
	i := g.at[id]
	if g.seen[i] || len(g.tree.Splits) >= trees.MaxLeaves {
		return 0, false
	}
	g.seen[i] = true
	if g.node.texts["nodes_modes"][i] == leafMode {
		return g.leaf(g.votes[id])
	}
	place = len(g.tree.Splits)
	g.tree.Splits = append(g.tree.Splits, trees.Split{Feature: int(g.node.ints["nodes_featureids"][i]), Threshold: float64(g.node.floats["nodes_values"][i])})
	left, ok := g.below(g.node.ints["nodes_truenodeids"][i])
	if !ok {
		return 0, false
	}
	right, ok := g.below(g.node.ints["nodes_falsenodeids"][i])
	g.tree.Splits[place].Left, g.tree.Splits[place].Right = left, right
	return place, ok
}

// leaf adds a leaf with one vote, for the class of all leaves of the tree.
func (g *grower) leaf(votes []int) (place int, ok bool) {
	if len(votes) != 1 {
		return 0, false
	}
	class, weight := int(g.node.ints["class_ids"][votes[0]]), g.node.floats["class_weights"][votes[0]]
	if g.tree.Score >= 0 && g.tree.Score != class {
		return 0, false
	}
	g.tree.Score = class
	g.tree.Leaves = append(g.tree.Leaves, float64(weight))
	return ^(len(g.tree.Leaves) - 1), true
}

// trialRows is how many rows both are asked about before the forest serves.
const trialRows = 64

// agrees reports whether the forest gives ONNX Runtime's scores to the last bit, for rows of small
// numbers by chance.
func (m *Model) agrees(f *trees.Forest) bool {
	rng := rand.New(rand.NewPCG(1, 1))
	row, want, got := make([]float32, m.width), make([]float64, m.scores), make([]float64, m.scores)
	for range trialRows {
		for i := range row {
			row[i] = float32(int(math.Exp2(rng.Float64()*17)) - 2) // from -1 to the largest of 16 bits
		}
		if m.run(row, 1, want) != nil {
			return false
		}
		f.Predict(row, 1, got)
		if !slices.Equal(got, want) {
			return false
		}
	}
	return true
}

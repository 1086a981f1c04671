package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Domain and names of the operators that are trees.
const (
	mlDomain   = "ai.onnx.ml"
	classifier = "TreeEnsembleClassifier"
	regressor  = "TreeEnsembleRegressor"
)

// checkTrees checks the tree ensembles of a model, because ONNX Runtime does not: it aborts
// the process on some damaged ones, and never ends on a tree with a cycle. It gives the
// number of columns that the trees need in a row, 0 if there are no trees; and the ensemble, if
// the graph is that and nothing else.
func checkTrees(data []byte, input string) (columns int, only *ensemble, err error) {
	nodes := 0
	err = eachNode(data, func(content []byte, top bool) error {
		nodes++
		only = nil
		n, err := readNode(content)
		if err != nil {
			return err
		}
		if n.domain != mlDomain || n.op != classifier && n.op != regressor {
			if n.domain == mlDomain && n.op == "TreeEnsemble" {
				return fmt.Errorf("operator %s is not served; export the model for opset 3 of ai.onnx.ml", n.op)
			}
			return nil
		}
		// If there were a step before, the number of its columns would not be known here.
		if top && len(n.inputs) == 1 && n.inputs[0] != input {
			return fmt.Errorf("a %s does not read %q itself, but %q; name that as the input if it is the graph's, else export the model with no step before its trees", n.op, input, n.inputs[0])
		}
		if !top || len(n.inputs) != 1 {
			return fmt.Errorf("a %s does not read %q itself; export the model with no step before its trees", n.op, input)
		}
		e := ensembleOf(n)
		if err := e.check(); err != nil {
			return fmt.Errorf("%s: %w; the model is damaged, export it again", n.op, err)
		}
		columns = max(columns, int(slices.Max(n.ints["nodes_featureids"]))+1)
		if nodes == 1 {
			only = e
		}
		return nil
	})
	return columns, only, err
}

// ensemble is a node that consists of trees. It has parallel lists with an entry for each
// split and leaf, and others with an entry for each vote of a leaf.
type ensemble struct {
	node         *graphNode
	trees, nodes []int64 // the nodeID of each entry
	// What the check finds:
	leaf []bool         // of each entry
	at   map[nodeID]int // entry of each split and leaf
}

func ensembleOf(n *graphNode) *ensemble {
	return &ensemble{node: n, trees: n.ints["nodes_treeids"], nodes: n.ints["nodes_nodeids"]}
}

// nodeID identifies a split or leaf.
type nodeID struct{ tree, node int64 }

const leafMode = "LEAF"

var modes = []string{leafMode, "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"}

func (e *ensemble) check() error {
	n := len(e.nodes)
	if n == 0 {
		return errors.New("it has no nodes")
	}
	for _, name := range []string{"nodes_values", "nodes_hitrates", "class_weights", "target_weights", "base_values"} {
		name += "_as_tensor"
		if _, there := e.node.ints[name]; there { // ints has the names of all attributes
			return fmt.Errorf("%s is not served, only lists of float32", name)
		}
	}
	for _, list := range []struct {
		name string
		got  int
	}{
		{"nodes_treeids", len(e.trees)}, {"nodes_featureids", len(e.node.ints["nodes_featureids"])},
		{"nodes_truenodeids", len(e.node.ints["nodes_truenodeids"])}, {"nodes_falsenodeids", len(e.node.ints["nodes_falsenodeids"])},
		{"nodes_modes", len(e.node.texts["nodes_modes"])}, {"nodes_values", len(e.node.floats["nodes_values"])},
		{"nodes_hitrates", cmp.Or(len(e.node.floats["nodes_hitrates"]), n)}, // optional, as is the next
		{"nodes_missing_value_tracks_true", cmp.Or(len(e.node.ints["nodes_missing_value_tracks_true"]), n)},
	} {
		if list.got != n {
			return fmt.Errorf("%s has %d values, nodes_nodeids %d", list.name, list.got, n)
		}
	}
	for i, feature := range e.node.ints["nodes_featureids"] {
		if feature < 0 || feature >= maxColumns {
			return fmt.Errorf("nodes_featureids: value %d is %d, not from 0 to %d", i+1, feature, maxColumns-1)
		}
	}
	for i, mode := range e.node.texts["nodes_modes"] {
		if !slices.Contains(modes, mode) {
			return fmt.Errorf("nodes_modes: value %d is %.20q", i+1, mode)
		}
		e.leaf = append(e.leaf, mode == leafMode)
	}
	var err error
	if e.at, err = e.entries(); err != nil {
		return err
	}
	if err := e.checkPaths(); err != nil {
		return err
	}
	return e.checkVotes()
}

// maxColumns is how many features a row may have.
const maxColumns = 1 << 16

// entries finds each node's entry. No node may occur twice.
func (e *ensemble) entries() (map[nodeID]int, error) {
	at := make(map[nodeID]int, len(e.nodes))
	for i, node := range e.nodes {
		p := nodeID{e.trees[i], node}
		if _, twice := at[p]; twice {
			return nil, fmt.Errorf("tree %d has node %d twice", p.tree, p.node)
		}
		at[p] = i
	}
	return at, nil
}

// checkPaths follows all paths down. Each split must have both children in its own tree,
// and no path may have a cycle. Two splits may share a child: splits by category are
// exported so.
func (e *ensemble) checkPaths() error {
	const underWay, done = 1, 2
	sideNames := [2]string{"nodes_truenodeids", "nodes_falsenodeids"}
	sides := [2][]int64{e.node.ints[sideNames[0]], e.node.ints[sideNames[1]]}
	state := make([]uint8, len(e.at))
	var path []int // entries, from the top down
	for top := range state {
		path = append(path[:0], top)
		for len(path) > 0 {
			i := path[len(path)-1]
			if state[i] != 0 { // its children are done, or it was done before
				state[i], path = done, path[:len(path)-1]
				continue
			}
			state[i] = underWay
			if e.leaf[i] {
				continue
			}
			for side, children := range sides {
				p := nodeID{e.trees[i], children[i]}
				child, ok := e.at[p]
				if !ok {
					return fmt.Errorf("%s: tree %d has no node %d", sideNames[side], p.tree, p.node)
				}
				if state[child] == underWay {
					return fmt.Errorf("%s: tree %d comes back to node %d", sideNames[side], p.tree, p.node)
				}
				if state[child] == 0 {
					path = append(path, child)
				}
			}
		}
	}
	return nil
}

// checkVotes checks that votes are of leaves that exist, and for classes that exist.
func (e *ensemble) checkVotes() error {
	kind, outputs := "class", int64(len(e.node.ints["classlabels_int64s"])+len(e.node.texts["classlabels_strings"]))
	if e.node.op == regressor {
		kind, outputs = "target", e.node.number["n_targets"]
	}
	trees, nodes, ids := e.node.ints[kind+"_treeids"], e.node.ints[kind+"_nodeids"], e.node.ints[kind+"_ids"]
	if n := len(ids); n == 0 || len(trees) != n || len(nodes) != n || len(e.node.floats[kind+"_weights"]) != n {
		return fmt.Errorf("its votes' lists have %d, %d, %d and %d values", len(trees), len(nodes), n, len(e.node.floats[kind+"_weights"]))
	}
	if got := int64(len(e.node.floats["base_values"])); got != 0 && got != outputs && !(got == 1 && outputs == 2) {
		return fmt.Errorf("base_values has %d values for %d scores", got, outputs)
	}
	for i, id := range ids {
		if id < 0 || id >= outputs {
			return fmt.Errorf("%s_ids: value %d is %d, not from 0 to %d", kind, i+1, id, outputs-1)
		}
		if entry, ok := e.at[nodeID{trees[i], nodes[i]}]; !ok || !e.leaf[entry] {
			return fmt.Errorf("%s_nodeids: tree %d has no leaf %d", kind, trees[i], nodes[i])
		}
	}
	return nil
}

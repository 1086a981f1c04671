package gbdt

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/serveflow/serveflow/cascade/trees"
)

// Limits of a model file. They are far above those of a model that answers in microseconds.
const (
	maxBytes    = 256 << 20
	maxClasses  = 1024
	maxFeatures = 65536
	maxTrees    = 100_000
	maxLeaves   = 4096 // in one tree
)

// How trees split a feature's column.
const (
	unused = iota
	byThreshold
	byCategory
)

// file is what a checked model file says.
type file struct {
	scores int          // of a row
	names  []string     // of the features
	sizes  field        // tree_sizes: each tree's length in bytes
	uses   []uint8      // by feature: unused, byThreshold, byCategory
	text   bytes.Buffer // the checked fields, written again for leaves
	trees  []trees.Tree
	walked bool // trees is not all that there is: leaves has to walk down the trees
}

// parse checks a whole model file.
func parse(data []byte) (*file, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("the model has %d bytes, the limit is %d; train fewer rounds or leaves", len(data), maxBytes)
	}
	if !bytes.HasPrefix(data, []byte("tree")) {
		return nil, &fileError{1, "file", "does not start with \"tree\": not a LightGBM text model", "save the model with LightGBM's save_model"}
	}
	if at := bytes.IndexByte(data, '\r'); at >= 0 {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return nil, &fileError{line, "file", "carriage return: the line ends were converted", "copy the file as it is, in binary mode"}
	}
	l := &lines{rest: string(data)}
	if first, _ := l.next(); first != "tree" {
		return nil, damaged(1, "file", "%s where \"tree\" should stand alone", quote(first))
	}
	f, err := parseHeader(l)
	if err != nil {
		return nil, err
	}
	if err := f.parseTrees(l); err != nil {
		return nil, err
	}
	if last, _ := l.next(); last != "end of trees" {
		return nil, damaged(max(l.line, 1), "file", "%s where \"end of trees\" should stand: the file is cut or has more trees than tree_sizes", quote(last))
	}
	return f, nil
}

var treeFields = set("Tree num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child " +
	"leaf_value leaf_weight leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold " +
	"is_linear leaf_const num_features leaf_features leaf_coeff shrinkage")

// parseTrees checks every tree, and that each is as long as tree_sizes says. LightGBM
// finds the trees by these lengths, so they are part of the model.
func (f *file) parseTrees(l *lines) error {
	i := 0
	for size := range strings.SplitSeq(f.sizes.value, " ") {
		name := fmt.Sprintf("tree %d", i)
		l.skipBlank()
		before := len(l.rest)
		s, err := l.section(name, treeFields)
		if err != nil {
			return err
		}
		if err := s.exactly("Tree", i); err != nil {
			return err
		}
		if err := f.parseTree(s); err != nil {
			return err
		}
		l.skipBlank()
		if got := fmt.Sprint(before - len(l.rest)); got != size {
			return damaged(s.line, name, "has %s bytes, and %s in tree_sizes (line %d)", got, quote(size), f.sizes.line)
		}
		i++
	}
	return nil
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, word := range strings.Fields(words) {
		m[word] = true
	}
	return m
}

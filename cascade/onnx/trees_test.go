package onnx

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzCheckTrees holds that the check of trees ends without a panic, whatever the bytes.
func FuzzCheckTrees(f *testing.F) {
	for _, path := range []string{"testdata/trees.onnx", "testdata/mlp.onnx"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, _, err := checkTrees(data, "features"); err != nil {
			f.Fatal(path, err)
		}
		f.Add(data)
	}
	f.Add(oneTree().encode(classifier))
	f.Fuzz(func(t *testing.T, data []byte) { checkTrees(data, "features") })
}

// Models that ship, and those of the tests, are as they must be.
func TestGoodTrees(t *testing.T) {
	for path, want := range map[string]int{"testdata/trees.onnx": 12, "testdata/mlp.onnx": 0, "../../bundles/service/slow.onnx": 143} {
		data, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := checkTrees(data, "features"); err != nil || got > want || (got == 0) != (want == 0) {
			t.Errorf("%s: %d columns, %v", path, got, err)
		}
	}
}

// attributes are a tree's, in the form that they have in a test.
type attributes struct {
	input string
	ints  map[string][]int64
	modes []string
	count map[string]int // of floats
}

// oneTree has a split with two leaves.
func oneTree() *attributes {
	return &attributes{"features", map[string][]int64{
		"nodes_treeids": {0, 0, 0}, "nodes_nodeids": {0, 1, 2}, "nodes_featureids": {3, 0, 0},
		"nodes_truenodeids": {1, 0, 0}, "nodes_falsenodeids": {2, 0, 0},
		"class_treeids": {0, 0}, "class_nodeids": {1, 2}, "class_ids": {0, 1}, "classlabels_int64s": {0, 1},
	}, []string{"BRANCH_LEQ", leafMode, leafMode}, map[string]int{"nodes_values": 3, "class_weights": 2}}
}

// encode writes a model with one node of that operator.
func (a *attributes) encode(op string) []byte { return wrap(0x3a, wrap(0x0a, a.node(op))) }

func (a *attributes) node(op string) []byte {
	node := wrap(nodeInput<<3|bytesWire, []byte(a.input))
	node = append(node, wrap(nodeOp<<3|bytesWire, []byte(op))...)
	node = append(node, wrap(nodeDomain<<3|bytesWire, []byte(mlDomain))...)
	attribute := func(name string, values []byte) {
		node = append(node, wrap(nodeAttribute<<3|bytesWire, append(wrap(attrName<<3|bytesWire, []byte(name)), values...))...)
	}
	for name, values := range a.ints {
		var list []byte
		for _, v := range values {
			list = append(append(list, attrInts<<3|varintWire), varintOf(uint64(v))...)
		}
		attribute(name, list)
	}
	var texts []byte
	for _, mode := range a.modes {
		texts = append(texts, wrap(attrStrings<<3|bytesWire, []byte(mode))...)
	}
	attribute("nodes_modes", texts)
	for name, n := range a.count {
		attribute(name, wrap(attrFloats<<3|bytesWire, make([]byte, 4*n)))
	}
	return node
}

func varintOf(v uint64) (out []byte) {
	for ; v >= 0x80; v >>= 7 {
		out = append(out, byte(v)|0x80)
	}
	return append(out, byte(v))
}

func TestBadTrees(t *testing.T) {
	set := func(name string, at int, v int64) func(*attributes) {
		return func(a *attributes) { a.ints[name][at] = v }
	}
	for _, c := range []struct {
		want   string // in the error; empty: none
		change func(*attributes)
	}{
		{"", func(*attributes) {}},
		{"", func(a *attributes) { a.count["nodes_hitrates"], a.count["base_values"] = 3, 2 }},
		{"", set("nodes_falsenodeids", 0, 1)}, // both sides one child
		{"tree 0 comes back to node 0", set("nodes_falsenodeids", 0, 0)},
		{"tree 0 has no node 7", set("nodes_truenodeids", 0, 7)},
		{"tree 0 has node 1 twice", set("nodes_nodeids", 2, 1)},
		{"tree 0 has no node 2", set("nodes_treeids", 2, 1)},
		{"nodes_featureids: value 1 is -1, not from 0", set("nodes_featureids", 0, -1)},
		{"nodes_featureids: value 2 is 65536, not from 0 to 65535;", set("nodes_featureids", 1, 65536)},
		{"nodes_featureids has 2 values", func(a *attributes) { a.ints["nodes_featureids"] = []int64{0, 1} }},
		{"nodes_values has 2 values", func(a *attributes) { a.count["nodes_values"] = 2 }},
		{"nodes_values has 0 values", func(a *attributes) { delete(a.count, "nodes_values"); a.ints["nodes_values"] = []int64{1, 2, 3} }},
		{"nodes_hitrates has 1 values", func(a *attributes) { a.count["nodes_hitrates"] = 1 }},
		{"nodes_values_as_tensor is not served", func(a *attributes) { a.ints["nodes_values_as_tensor"] = nil }},
		{`nodes_modes: value 1 is "BRANCH"`, func(a *attributes) { a.modes[0] = "BRANCH" }},
		{"it has no nodes", func(a *attributes) { delete(a.ints, "nodes_nodeids") }},
		{"class_ids: value 2 is 2, not from 0 to 1", set("class_ids", 1, 2)},
		{"class_ids: value 1 is -1, not", set("class_ids", 0, -1)},
		{"class_nodeids: tree 0 has no leaf 0", set("class_nodeids", 0, 0)},
		{"class_nodeids: tree 9 has no leaf 2", set("class_treeids", 1, 9)},
		{"its votes' lists have 2, 2, 2 and 1 values", func(a *attributes) { a.count["class_weights"] = 1 }},
		{"", func(a *attributes) { a.count["base_values"] = 1 }}, // of a binary model
		{"base_values has 1 values for 3 scores", func(a *attributes) {
			a.count["base_values"], a.ints["classlabels_int64s"] = 1, []int64{0, 1, 2}
		}},
		{"base_values has 3 values for 2 scores", func(a *attributes) { a.count["base_values"] = 3 }},
		{`does not read "features" itself, but "scaled"; name that`, func(a *attributes) { a.input = "scaled" }},
	} {
		a := oneTree()
		c.change(a)
		columns, _, err := checkTrees(a.encode(classifier), "features")
		switch {
		case c.want == "" && (err != nil || columns != 4):
			t.Errorf("%d columns, %v", columns, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "; ")):
			t.Errorf("%v, not %s", err, c.want)
		}
	}
}

// Lists may be packed: all numbers in one field.
func TestPackedAttributes(t *testing.T) {
	name := func(s string) []byte { return wrap(attrName<<3|bytesWire, []byte(s)) }
	n := &graphNode{ints: map[string][]int64{}, texts: map[string][]string{}, floats: map[string][]float32{}, number: map[string]int64{}, text: map[string]string{}}
	for _, c := range []struct {
		name string
		list []byte
		bad  bool
	}{
		{"ints", wrap(attrInts<<3|bytesWire, append(varintOf(1), varintOf(300)...)), false},
		{"floats", wrap(attrFloats<<3|bytesWire, append(make([]byte, 8), 0, 0, 0x80, 0x3f)), false},
		{"text", wrap(attrString<<3|bytesWire, []byte("NONE")), false},
		{"cut", wrap(attrInts<<3|bytesWire, []byte{1, 0x80}), true},
		{"a byte too many", []byte{0x80}, true},
	} {
		if _, err := n.readAttribute(append(name(c.name), c.list...)); (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if got := n.ints["ints"]; len(got) != 2 || got[0] != 1 || got[1] != 300 || !slices.Equal(n.floats["floats"], []float32{0, 0, 1}) || n.text["text"] != "NONE" {
		t.Errorf("%v, floats %v, text %q", got, n.floats["floats"], n.text["text"])
	}
}

func TestOtherTrees(t *testing.T) {
	if _, _, err := checkTrees(oneTree().encode("TreeEnsemble"), "features"); err == nil || !strings.Contains(err.Error(), "opset 3 of ai.onnx.ml") {
		t.Error(err)
	}
	// A regressor has targets, and how many there are.
	if _, _, err := checkTrees(oneTree().encode(regressor), "features"); err == nil || !strings.Contains(err.Error(), "votes' lists have 0, 0, 0 and 0") {
		t.Error(err)
	}
	// In a graph within a node the trees read what is not known here.
	inner := wrap(0x32, wrap(0x0a, oneTree().node(classifier)))
	if _, _, err := checkTrees(wrap(0x3a, wrap(0x0a, wrap(0x2a, inner))), "features"); err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Error(err)
	}
	double := bytes.Replace(oneTree().encode(classifier), []byte("class_treeids"), []byte("nodes_treeids"), 1)
	if _, _, err := checkTrees(double, "features"); err == nil || !strings.Contains(err.Error(), `two attributes "nodes_treeids"`) {
		t.Error(err)
	}
}

// One bit, and ONNX Runtime 1.24.4 aborts the process.
func TestTreesThatAbort(t *testing.T) {
	data, err := os.ReadFile("testdata/trees.onnx")
	if err != nil {
		t.Fatal(err)
	}
	data[1401] ^= 0x10
	_, _, err = checkTrees(data, "features")
	if got, want := fmt.Sprint(err), classifier+": its votes' lists have 255, 256, 256 and 256 values; the model is damaged, export it again"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

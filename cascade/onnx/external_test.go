package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzCheckSelfContained holds that the walk over a model ends without a panic,
// whatever the bytes. The seeds are the models of testdata.
func FuzzCheckSelfContained(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.onnx")
	bad, _ := filepath.Glob("testdata/bad/*.onnx")
	if paths = append(paths, bad...); err != nil || len(paths) < 10 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if got, want := checkSelfContained(data) != nil, strings.Contains(path, "external"); got != want {
			f.Fatalf("%s: refused: %v", path, got)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkSelfContained(data) })
}

// Bytes by hand: a tag is the field's number times eight, plus its kind.
func TestWalk(t *testing.T) {
	const (
		initializer = "\x3a\x04\x2a\x02" // graph (7) of 4 bytes, tensor (5) of 2
		constant    = "\x3a\x08\x0a\x06\x2a\x04\x2a\x02"
	)
	for _, c := range []struct {
		name, data string
		refused    bool
	}{
		{"nothing", "", false},
		{"dims only", initializer + "\x08\x03", false},
		{"data_location", initializer + "\x70\x01", true},
		{"data_location 0, the default", initializer + "\x70\x00", false},
		{"data_location 0 written long", "\x3a\x05\x2a\x03\x70\x80\x00", false},
		{"data_location that no reader knows", initializer + "\x70\x02", true},
		{"data_location that is 1 in 32 bits", "\x3a\x08\x2a\x06\x70\x81\x80\x80\x80\x10", true},
		{"external_data that is left over", initializer + "\x6a\x00", false},
		{"external_data and data_location", "\x3a\x06\x2a\x04\x6a\x00\x70\x01", true},
		{"data_location written long", "\x3a\x05\x2a\x83\x00\x70\x81\x00", true},
		{"in a node", constant + "\x70\x01", true},
		{"in a training graph", "\xa2\x01\x06\x0a\x04\x2a\x02\x70\x01", true},
		{"in a function", "\xca\x01\x08\x3a\x06\x2a\x04\x2a\x02\x70\x01", true},
		{"a number of eight and of four bytes", "\x09........\x0d....", false},
		{"a group", "\x0b\x0c", true},
		{"cut in a tag", "\x80", true},
		{"cut in a number", "\x08\x80", true},
		{"longer than the file", "\x3a\x7f", true},
		{"longer than memory", "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", true},
		{"cut in eight bytes", "\x09...", true},
		{"field 0", "\x00\x00", true},
	} {
		if got := checkSelfContained([]byte(c.data)) != nil; got != c.refused {
			t.Errorf("%s: refused: %v", c.name, got)
		}
	}
}

// Every message that may have a tensor in it is looked into, by its path of field numbers.
func TestWalkGoesEverywhere(t *testing.T) {
	location := []byte{dataLocation << 3, 1}
	for _, path := range [][]uint64{
		{7, 5}, {20, 1, 5}, {20, 2, 5}, {25, 7, 5, 5}, {25, 11, 5}, // of the model: graph, training, function
		{7, 15, 1}, {7, 15, 2}, // sparse tensors
		{7, 1, 5, 5}, {7, 1, 5, 10}, {7, 1, 5, 22, 1}, {7, 1, 5, 23, 2}, // attributes of a node
		{7, 1, 5, 6, 5}, {7, 1, 5, 11, 5}, // their graphs
	} {
		if err := checkSelfContained(nest(path, location)); err == nil || !strings.Contains(err.Error(), "external data") {
			t.Errorf("%v: %v", path, err)
		}
	}
	for _, path := range [][]uint64{{8, 5}, {7, 6}, {7, 1, 6, 5}, {7, 1, 5, 7}} {
		if err := checkSelfContained(nest(path, location)); err != nil {
			t.Errorf("%v is no tensor: %v", path, err)
		}
	}
}

// nest wraps content in messages, given by their field numbers from the outside in.
func nest(path []uint64, content []byte) []byte {
	for _, number := range slices.Backward(path) {
		field := varintOf(number<<3 | bytesWire)
		field = append(field, varintOf(uint64(len(content)))...)
		content = append(field, content...)
	}
	return content
}

func TestWalkTooDeep(t *testing.T) {
	// Graphs in attributes in nodes in graphs, each length without its end: the walk
	// must give up rather than follow.
	var data []byte
	for range 200 {
		data = wrap(0x0a, wrap(0x2a, wrap(0x32, data))) // node, attribute, graph
	}
	if err := checkSelfContained(wrap(0x3a, data)); err != errNotONNX {
		t.Fatal(err)
	}
}

func wrap(tag byte, content []byte) []byte {
	head := []byte{tag}
	for n := len(content); ; n >>= 7 {
		if n < 0x80 {
			return append(append(head, byte(n)), content...)
		}
		head = append(head, byte(n)|0x80)
	}
}

package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// graphNode has the fields of a node of a graph that the check of trees needs.
type graphNode struct {
	op, domain string
	inputs     []string
	outputs    []string
	ints       map[string][]int64  // attributes that are lists of whole numbers, by name
	texts      map[string][]string // ... lists of text
	floats     map[string][]float32
	number     map[string]int64  // ... single whole numbers
	text       map[string]string // ... single texts
}

// Fields of the messages (onnx.proto).
const (
	nodeInput, nodeOutput, nodeOp, nodeAttribute, nodeDomain = 1, 2, 4, 5, 7
	attrName, attrInt, attrString, attrFloats, attrInts      = 1, 3, 4, 7, 8
	attrStrings                                              = 9
)

// readNode reads a node. Two attributes of the same name are an error, because it is not
// defined which of them counts.
func readNode(data []byte) (*graphNode, error) {
	n := &graphNode{ints: map[string][]int64{}, texts: map[string][]string{}, floats: map[string][]float32{}, number: map[string]int64{}, text: map[string]string{}}
	seen := make(map[string]bool)
	for len(data) > 0 {
		field, content, rest, err := nextField(data)
		if err != nil {
			return nil, err
		}
		whole := data[:len(data)-len(rest)]
		data = rest
		if wire(whole) != bytesWire {
			continue
		}
		switch field {
		case nodeInput:
			n.inputs = append(n.inputs, string(content))
		case nodeOutput:
			n.outputs = append(n.outputs, string(content))
		case nodeOp:
			n.op = string(content)
		case nodeDomain:
			n.domain = string(content)
		case nodeAttribute:
			name, err := n.readAttribute(content)
			if err != nil {
				return nil, err
			}
			if seen[name] {
				return nil, fmt.Errorf("a node has two attributes %.40q; the model is damaged, export it again", name)
			}
			seen[name] = true
		}
	}
	return n, nil
}

// kind is a field's number and the encoding of its value. As in protobuf, a field with
// another encoding than its own is ignored.
type kind struct {
	field uint64
	wire  byte
}

func (n *graphNode) readAttribute(data []byte) (name string, err error) {
	var ints []int64
	var texts []string
	var floats []float32
	var number int64
	var single string
	for len(data) > 0 {
		field, content, rest, err := nextField(data)
		if err != nil {
			return "", err
		}
		whole := data[:len(data)-len(rest)]
		data = rest
		switch (kind{field, wire(whole)}) {
		case kind{attrName, bytesWire}:
			name = string(content)
		case kind{attrInt, varintWire}:
			number = varint(whole)
		case kind{attrStrings, bytesWire}:
			texts = append(texts, string(content))
		case kind{attrString, bytesWire}:
			single = string(content)
		case kind{attrFloats, fourWire}:
			floats = append(floats, float(whole[len(whole)-4:]))
		case kind{attrFloats, bytesWire}: // packed
			for ; len(content) >= 4; content = content[4:] {
				floats = append(floats, float(content))
			}
		case kind{attrInts, varintWire}:
			ints = append(ints, varint(whole))
		case kind{attrInts, bytesWire}: // packed
			for len(content) > 0 {
				v, used := binary.Uvarint(content)
				if used <= 0 {
					return "", errNotONNX
				}
				ints, content = append(ints, int64(v)), content[used:]
			}
		}
	}
	n.ints[name], n.texts[name], n.floats[name] = ints, texts, floats
	n.number[name], n.text[name] = number, single
	return name, nil
}

// Encodings of values.
const (
	varintWire = 0
	bytesWire  = 2
	fourWire   = 5
)

func float(data []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(data)) }

// wire gives the encoding of a field that nextField has cut off.
func wire(field []byte) byte { return field[0] & 7 }

// varint gives the number in a field that nextField has cut off.
func varint(field []byte) int64 {
	_, tag := binary.Uvarint(field)
	v, _ := binary.Uvarint(field[tag:])
	return int64(v)
}

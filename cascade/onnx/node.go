package onnx

import (
	"encoding/binary"
	"fmt"
)

// graphNode is what a node of a graph says, as far as trees need it.
type graphNode struct {
	op, domain string
	inputs     []string
	ints       map[string][]int64  // attributes that are lists of whole numbers
	texts      map[string][]string // ... of text
	floats     map[string]int      // ... of floats: how many
	number     map[string]int64    // attributes that are one whole number
}

// Fields of the messages (onnx.proto).
const (
	nodeInput, nodeOp, nodeAttribute, nodeDomain = 1, 4, 5, 7
	attrName, attrInt, attrFloats, attrInts      = 1, 3, 7, 8
	attrStrings                                  = 9
)

// readNode reads a node. An attribute that is there twice is an error: which of them
// counts is not for us to guess.
func readNode(data []byte) (*graphNode, error) {
	n := &graphNode{ints: map[string][]int64{}, texts: map[string][]string{}, floats: map[string]int{}, number: map[string]int64{}}
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

// kind is a field's number and how its value is written. A field that is written in
// another way than it should be is none, as protobuf has it.
type kind struct {
	field uint64
	wire  byte
}

func (n *graphNode) readAttribute(data []byte) (name string, err error) {
	var ints []int64
	var texts []string
	var floats int
	var number int64
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
		case kind{attrFloats, fourWire}:
			floats++
		case kind{attrFloats, bytesWire}: // packed
			floats += len(content) / 4
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
	n.ints[name], n.texts[name], n.floats[name], n.number[name] = ints, texts, floats, number
	return name, nil
}

// How values are written.
const (
	varintWire = 0
	bytesWire  = 2
	fourWire   = 5
)

// wire gives how the value of a field is written that nextField has cut off.
func wire(field []byte) byte { return field[0] & 7 }

// varint gives the number of a field that nextField has cut off.
func varint(field []byte) int64 {
	_, tag := binary.Uvarint(field)
	v, _ := binary.Uvarint(field[tag:])
	return int64(v)
}

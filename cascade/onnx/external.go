package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errNotONNX = errors.New("not an ONNX model, or a damaged one; export it again")

// The protobuf messages that lead from a model to its tensors.
type message uint8

const (
	model message = iota
	graph
	node
	attribute
	function
	training
	sparse
	tensor
)

// nested has, by field number, the messages inside of a message that may contain tensors
// (onnx.proto).
var nested = [...]map[uint64]message{
	model:     {7: graph, 20: training, 25: function},
	graph:     {1: node, 5: tensor, 15: sparse},
	node:      {5: attribute},
	attribute: {5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse},
	function:  {7: node, 11: attribute},
	training:  {1: graph, 2: graph},
	sparse:    {1: tensor, 2: tensor},
	tensor:    {},
}

// dataLocation is the field of a tensor that says where its data are: 0, the default, is
// in the tensor itself. Any other number is refused, because readers cut large ones down to
// 32 bits and may see 1, another file. Without it the field external_data has no effect.
const dataLocation = 14

// checkSelfContained refuses a model whose weights are in other files. ONNX Runtime would
// read them from the working directory, and no digest covers them.
func checkSelfContained(data []byte) error {
	if len(data) > 8 && string(data[4:8]) == "ORTM" {
		return errors.New("this is ONNX Runtime's own format; export the model as plain ONNX")
	}
	return eachNode(data, func([]byte, bool) error { return nil })
}

// eachNode calls do with every node, however deep. top is true for the nodes of the model's
// own graph.
func eachNode(data []byte, do func(content []byte, top bool) error) error {
	return walk(data, model, 0, do)
}

func walk(data []byte, m message, depth int, do func(content []byte, top bool) error) error {
	const deepest = 100 // protobuf's own limit
	if depth > deepest {
		return errNotONNX
	}
	for len(data) > 0 {
		number, content, rest, err := nextField(data)
		if err != nil {
			return err
		}
		field := data[:len(data)-len(rest)]
		data = rest
		if m == tensor && number == dataLocation && wire(field) == varintWire && varint(field) != 0 {
			return fmt.Errorf("a weight lies in another file (external data); save the model in one file: onnx.save(onnx.load(NAME), NAME), or torch.onnx.export(..., external_data=False)")
		}
		if next, ok := nested[m][number]; ok {
			if next == node {
				if err := do(content, m == graph && depth == 1); err != nil {
					return err
				}
			}
			if err := walk(content, next, depth+1, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextField cuts one field off data. content is empty for numbers, which walk does not need.
func nextField(data []byte) (number uint64, content, rest []byte, err error) {
	tag, n := binary.Uvarint(data)
	if n <= 0 || tag>>3 == 0 {
		return 0, nil, nil, errNotONNX
	}
	number, data = tag>>3, data[n:]
	size := uint64(0)
	switch tag & 7 {
	case 0: // varint
		if _, n = binary.Uvarint(data); n <= 0 {
			return 0, nil, nil, errNotONNX
		}
		return number, nil, data[n:], nil
	case 1:
		return skip(number, data, 8)
	case 2: // bytes, strings, messages
		if size, n = binary.Uvarint(data); n <= 0 || size > uint64(len(data)-n) {
			return 0, nil, nil, errNotONNX
		}
		return number, data[n : n+int(size)], data[n+int(size):], nil
	case 5:
		return skip(number, data, 4)
	}
	return 0, nil, nil, errNotONNX // groups, which ONNX does not use
}

func skip(number uint64, data []byte, n int) (uint64, []byte, []byte, error) {
	if len(data) < n {
		return 0, nil, nil, errNotONNX
	}
	return number, nil, data[n:], nil
}

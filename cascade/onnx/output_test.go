package onnx

import (
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

func TestOnlyScores(t *testing.T) {
	scores := func(name string) ort.InputOutputInfo {
		return ort.InputOutputInfo{Name: name, OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeFloat, Dimensions: ort.Shape{-1, 3}}
	}
	label := ort.InputOutputInfo{Name: "label", OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeInt64, Dimensions: ort.Shape{-1}}
	maps := ort.InputOutputInfo{Name: "output_probability", OrtValueType: ort.ONNXTypeSequence}
	for _, c := range []struct {
		outputs    []ort.InputOutputInfo
		name, want string // what is chosen, or a part of the error
	}{
		{[]ort.InputOutputInfo{scores("a")}, "a", ""},
		{[]ort.InputOutputInfo{label, scores("a")}, "a", ""},
		{[]ort.InputOutputInfo{scores("a"), label, scores("b")}, "", `several outputs may be the scores; set output_name to one of "a" or "b"`},
		{[]ort.InputOutputInfo{label, maps}, "", `output "output_probability" is a sequence of maps, not a tensor: exported with zipmap=True; export with zipmap=False (options={id(model): {'zipmap': False}})`},
		{[]ort.InputOutputInfo{label}, "", `none of the outputs ["label"] is a tensor of float32`},
		{nil, "", "none of the outputs"},
	} {
		name, err := onlyScores(c.outputs)
		if name != c.name || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %v; want %q, %s", name, err, c.name, c.want)
		}
	}
	for _, c := range []struct {
		outputs    []ort.InputOutputInfo
		name, want string
	}{
		{[]ort.InputOutputInfo{label, scores("a")}, "a", ""},
		{[]ort.InputOutputInfo{label, scores("a"), scores("b")}, "label", `output "label" is int64, the winning class and not its scores; set output_name to "a" or "b"`},
		{[]ort.InputOutputInfo{label}, "label", "export the model with its probabilities"},
		{[]ort.InputOutputInfo{maps, scores("a")}, "output_probability", `, or set output_name to "a"`},
	} {
		err := checkOutput(c.outputs, c.name)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
}

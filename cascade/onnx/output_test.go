package onnx

import (
	"errors"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

func TestOnlyScores(t *testing.T) {
	scores := func(name string) ort.InputOutputInfo {
		return ort.InputOutputInfo{Name: name, OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeFloat, Dimensions: ort.Shape{-1, 3}}
	}
	column := func(name string) ort.InputOutputInfo {
		return ort.InputOutputInfo{Name: name, OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeFloat, Dimensions: ort.Shape{-1}}
	}
	double := scores("double")
	double.DataType = ort.TensorElementDataTypeDouble
	labels := ort.InputOutputInfo{Name: "labels", OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeInt32, Dimensions: ort.Shape{-1, 1}}
	const zipped = "are a column each"
	label := ort.InputOutputInfo{Name: "label", OrtValueType: ort.ONNXTypeTensor, DataType: ort.TensorElementDataTypeInt64, Dimensions: ort.Shape{-1}}
	maps := ort.InputOutputInfo{Name: "output_probability", OrtValueType: ort.ONNXTypeSequence}
	for _, c := range []struct {
		outputs    []ort.InputOutputInfo
		name, want string // what is chosen, or a part of the error
	}{
		{[]ort.InputOutputInfo{scores("a")}, "a", ""},
		{[]ort.InputOutputInfo{label, scores("a")}, "a", ""},
		{[]ort.InputOutputInfo{scores("a"), label, scores("b")}, "", `several outputs may be the scores; set output_name to one of "a" or "b"`},
		{[]ort.InputOutputInfo{label, maps}, "", `output "output_probability" is a sequence or a map, not a tensor, as exported with zipmap=True; export with zipmap=False (options={id(model): {'zipmap': False}})`},
		{[]ort.InputOutputInfo{label}, "", `none of the outputs ["label"] is a tensor of float32`},
		{nil, "", "none of the outputs"},
		{[]ort.InputOutputInfo{label, double}, "double", ""}, // columns says what is wrong with it
		{[]ort.InputOutputInfo{labels, column("a")}, "a", ""},
		{[]ort.InputOutputInfo{label, labels}, "", "none of the outputs"},
		{[]ort.InputOutputInfo{label, column("dns"), column("tls")}, "", `the outputs ["label" "dns" "tls"] are a column each; export with zipmap=False`},
		{[]ort.InputOutputInfo{column("dns"), double, column("tls")}, "", "none of the outputs"},
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
		{[]ort.InputOutputInfo{double}, "double", `output "double" is double, not a tensor of float32; export the model with float32`},
		{[]ort.InputOutputInfo{labels, scores("a")}, "labels", `output "labels" is int32, the winning class and not its scores; set output_name to "a"`},
		{[]ort.InputOutputInfo{column("p")}, "p", `output "p" has the shape [-1], a number for each row; export the model with [-1 n], rows and columns; a single score of two classes is [-1 1]`},
		{[]ort.InputOutputInfo{label, column("dns"), column("tls")}, "dns", zipped},
		{[]ort.InputOutputInfo{label, column("dns"), column("tls")}, "label", zipped},
		{[]ort.InputOutputInfo{maps, scores("a")}, "output_probability", `, or set output_name to "a"`},
	} {
		_, err := checkOutput(c.outputs, c.name)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
}

// What ONNX Runtime says is one line, without places in its source.
func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"Error creating\ntemporary session: /src/core/graph/model.cc:181 onnxruntime::Model::Model(onnx::ModelProto&&, const std::map<int, char>&) Unsupported model IR version: 99, max supported IR version: 13": "Error creating temporary session: Unsupported model IR version: 99, max supported IR version: 13",
		"/src/a.h:46 void f(int) const Opset 99\nis too new":                       "Opset 99 is too new",
		"/a.cc:1 A::A(const B&) [ONNXRuntimeError] : 2 : /b.cc:2 C::C() corrupted": "[ONNXRuntimeError] : 2 : corrupted",
		"a file /models/m.onnx (1 of 2) is damaged":                                "a file /models/m.onnx (1 of 2) is damaged",
	} {
		if got := oneLine(errors.New(in)).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

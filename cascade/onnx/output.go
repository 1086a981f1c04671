package onnx

import (
	"errors"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// noZipmap is the remedy for probabilities that the converters of scikit-learn write as a
// sequence of maps, unless they are told otherwise.
const noZipmap = "export with zipmap=False (options={id(model): {'zipmap': False}})"

// canBeScores reports whether an output is float32, rows by columns.
func canBeScores(t ort.InputOutputInfo) bool {
	return t.OrtValueType == ort.ONNXTypeTensor && t.DataType == ort.TensorElementDataTypeFloat && len(t.Dimensions) == 2
}

// isMaps reports whether an output is a sequence, as of maps, or a map.
func isMaps(t ort.InputOutputInfo) bool {
	return t.OrtValueType == ort.ONNXTypeSequence || t.OrtValueType == ort.ONNXTypeMap
}

// isLabel reports whether an output may be the winning class of each row, by its number or
// its name, in a list or in a column.
func isLabel(t ort.InputOutputInfo) bool {
	d := t.Dimensions
	return t.OrtValueType == ort.ONNXTypeTensor && (len(d) == 1 || len(d) == 2 && d[1] == 1) &&
		(t.DataType == ort.TensorElementDataTypeInt64 || t.DataType == ort.TensorElementDataTypeInt32 || t.DataType == ort.TensorElementDataTypeString)
}

// which gives the outputs for which is is true.
func which(outputs []ort.InputOutputInfo, is func(ort.InputOutputInfo) bool) (found []ort.InputOutputInfo) {
	for _, t := range outputs {
		if is(t) {
			found = append(found, t)
		}
	}
	return found
}

// onlyScores gives the name of the output with the scores, if only one can be it.
func onlyScores(outputs []ort.InputOutputInfo) (string, error) {
	scores := which(outputs, canBeScores)
	switch {
	case len(scores) == 1:
		return scores[0].Name, nil
	case len(scores) > 1:
		return "", fmt.Errorf("several outputs may be the scores; set output_name to one of %s", either(scores))
	}
	if maps := which(outputs, isMaps); len(maps) > 0 {
		return "", mapsError(maps[0], outputs)
	}
	others := which(outputs, func(t ort.InputOutputInfo) bool { return !isLabel(t) })
	switch {
	case len(others) == 1: // its only fault is said by columns
		return others[0].Name, nil
	case areColumns(outputs):
		return "", fmt.Errorf("the outputs %s are a column each; %s", names(outputs), noZipmap)
	}
	return "", fmt.Errorf("none of the outputs %s is a tensor of float32 with rows and columns; export the model with its scores", names(outputs))
}

// areColumns reports whether each class has an output of its own, as with zipmap="columns".
func areColumns(outputs []ort.InputOutputInfo) bool {
	return len(which(outputs, isColumn)) > 1 && len(which(outputs, isLabel))+len(which(outputs, isColumn)) == len(outputs)
}

// isColumn reports whether an output is one number of each row.
func isColumn(t ort.InputOutputInfo) bool {
	return t.OrtValueType == ort.ONNXTypeTensor && t.DataType == ort.TensorElementDataTypeFloat && len(t.Dimensions) == 1
}

// checkOutput gives the number of scores of a row.
func checkOutput(outputs []ort.InputOutputInfo, name string) (scores int, err error) {
	if err := refuseOutput(outputs, name); err != nil {
		return 0, err
	}
	return columns("output", outputs, name)
}

// refuseOutput refuses an output that is no scores, in the words of the exporters that
// write such.
func refuseOutput(outputs []ort.InputOutputInfo, name string) error {
	for _, t := range outputs {
		if t.Name != name {
			continue
		}
		scores, maps := which(outputs, canBeScores), which(outputs, isMaps)
		switch {
		case isMaps(t):
			return mapsError(t, outputs)
		case isLabel(t) && len(scores) > 0:
			return fmt.Errorf("output %q is %s, the winning class and not its scores; set output_name to %s", name, typeOf(t), either(scores))
		case isLabel(t) && len(maps) > 0:
			return fmt.Errorf("output %q is %s, the winning class and not its scores; for those %s, and name the output with probabilities", name, typeOf(t), noZipmap)
		case areColumns(outputs):
			return fmt.Errorf("the outputs %s are a column each, and not all scores; %s", names(outputs), noZipmap)
		case isLabel(t):
			return fmt.Errorf("output %q is %s, the winning class and not its scores; export the model with its probabilities", name, typeOf(t))
		}
	}
	return nil
}

func mapsError(t ort.InputOutputInfo, outputs []ort.InputOutputInfo) error {
	text := fmt.Sprintf("output %q is a sequence or a map, not a tensor, as exported with zipmap=True; %s", t.Name, noZipmap)
	if scores := which(outputs, canBeScores); len(scores) > 0 {
		text += ", or set output_name to " + either(scores)
	}
	return errors.New(text)
}

// either lists the names of outputs as alternatives.
func either(outputs []ort.InputOutputInfo) string { return strings.Join(names(outputs), " or ") }

package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/serveflow/serveflow/cascade/trees"
)

// Config says how a model is called.
type Config struct {
	Input  string // name of the one input: float32, rows by features
	Output string // name of the output with the scores: float32, rows by classes; empty for the only one that can be it
	// Probabilities says that the scores are probabilities. It matters to an output of one
	// column, which is about the second of two classes: a probability p makes 1-p and p,
	// another score z makes 0 and z, whose softmax is the sigmoid of z.
	Probabilities bool
	Timeout       time.Duration // after which a call of up to 32 rows is an error; 0 means 5 s
}

// Load checks a model and loads it. r must be open during the call, and may be closed
// afterwards. data is the whole file; it may be reused afterwards. An error says what is
// wrong in the model and the remedy.
//
// ONNX Runtime aborts the process on some damaged tree ensembles. So data must either be
// trusted and checked by its digest, or have been loaded in another process before.
//
// A model that is one ensemble of trees is served by package trees, which is several times faster, if
// it gives the same scores.
func (r *Runtime) Load(data []byte, c Config) (*Model, error) {
	m, forest, err := r.load(data, c)
	if err != nil {
		return nil, err
	}
	if forest != nil && m.agrees(forest) {
		m.forest = forest
		if err := errors.Join(m.closeSession(), release()); err != nil {
			return nil, fmt.Errorf("onnx: %w", oneLine(err))
		}
	}
	trim() // what the making of the session took for a while
	return m, nil
}

// LoadTrees loads a model of which Load has found, maybe in another process, that it does not need ONNX Runtime.
// width is the number of features in a row. It checks the trees as Load does, and not what they say.
func LoadTrees(data []byte, c Config, width int) (*Model, error) {
	if err := checkSelfContained(data); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	columns, only, err := checkTrees(data, c.Input)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if forest := forestOf(only, c.Output); forest != nil && columns <= width {
		return &Model{forest: forest, width: width, scores: classes(only.node), probabilities: c.Probabilities}, nil
	}
	return nil, errors.New("onnx: not the trees that were tried out; load the model again")
}

// load makes a model that ONNX Runtime serves, and gives the forest that may serve in its place; nil if
// there is none.
func (r *Runtime) load(data []byte, c Config) (*Model, *trees.Forest, error) {
	if err := checkSelfContained(data); err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	columns, only, err := checkTrees(data, c.Input)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w; export the model again (opset 17 and IR 8 are known to work)", oneLine(err))
	}
	width, err := checkInput(inputs, c.Input)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	if c.Output == "" {
		if c.Output, err = onlyScores(outputs); err != nil {
			return nil, nil, fmt.Errorf("onnx: %w", err)
		}
	}
	scores, err := checkOutput(outputs, c.Output)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	if columns > width {
		return nil, nil, fmt.Errorf("onnx: its trees look at %d features, and %q has %d; the model is damaged, export it again", columns, c.Input, width)
	}
	forest := forestOf(only, c.Output)
	debug.FreeOSMemory() // what reading the trees took: to make a session takes several times the model, too
	session, err := newSession(data, c)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", oneLine(err))
	}
	retain()
	m := &Model{session: session, width: width, scores: scores, probabilities: c.Probabilities, timeout: cmp.Or(c.Timeout, 5*time.Second)}
	for n := 1; n <= 2; n++ {
		if err := m.run(make([]float32, n*width), n, make([]float64, n*scores)); err != nil {
			m.Close()
			return nil, nil, fmt.Errorf("onnx: trial with %d rows of zeros: %w; export the model with a free number of rows", n, err)
		}
	}
	return m, forest, nil
}

// newSession makes a session of one thread: several flows use the cores already, and ONNX
// Runtime's threads spin while they wait.
func newSession(data []byte, c Config) (*ort.DynamicAdvancedSession, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(1); err != nil {
		return nil, err
	}
	if err := options.SetInterOpNumThreads(1); err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(data, []string{c.Input}, []string{c.Output}, options)
}

// checkInput gives the number of features of a row. It comes before the outputs, whose types
// follow from the input's. It also checks the name, as ONNX Runtime does only when the
// model runs.
func checkInput(inputs []ort.InputOutputInfo, name string) (width int, err error) {
	if len(inputs) != 1 {
		return 0, fmt.Errorf("the model has the inputs %s; export it with one, %q", names(inputs), name)
	}
	return columns("input", inputs, name)
}

// columns checks that a tensor is float32 and takes any number of rows, and gives its number
// of columns.
func columns(what string, all []ort.InputOutputInfo, name string) (int, error) {
	for _, t := range all {
		if t.Name != name {
			continue
		}
		if t.OrtValueType != ort.ONNXTypeTensor || t.DataType != ort.TensorElementDataTypeFloat {
			return 0, fmt.Errorf("%s %q is %s, not a tensor of float32; export the model with float32", what, name, typeOf(t))
		}
		if isColumn(t) {
			return 0, fmt.Errorf("%s %q has the shape %v, a number for each row; export the model with [-1 n], rows and columns; a single score of two classes is [-1 1]", what, name, []int64(t.Dimensions))
		}
		if d := t.Dimensions; len(d) != 2 || d[0] != -1 || d[1] < 1 {
			return 0, fmt.Errorf("%s %q has the shape %v; export the model with [-1 n]: any number of rows, a fixed number of columns", what, name, []int64(d))
		}
		return int(t.Dimensions[1]), nil
	}
	return 0, fmt.Errorf("no %s %q, only %s; name one of these in the manifest", what, name, names(all))
}

func typeOf(t ort.InputOutputInfo) string {
	if t.OrtValueType != ort.ONNXTypeTensor {
		return t.OrtValueType.String()
	}
	return strings.ToLower(strings.TrimPrefix(t.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}

func names(all []ort.InputOutputInfo) []string {
	list := make([]string, len(all))
	for i, t := range all {
		list[i] = fmt.Sprintf("%q", t.Name)
	}
	return list
}

package bundle

import (
	"errors"
	"time"

	"github.com/serveflow/serveflow/cascade/gbdt"
	"github.com/serveflow/serveflow/cascade/onnx"
)

// Standard gives the engines of ServeFlow: "leaves" for LightGBM's text files, and
// "onnx". onnxRuntime is the path of ONNX Runtime's library; if it is empty, the library
// is looked for. It is loaded only for a bundle that has an ONNX model.
func Standard(onnxRuntime string) Engines { return StandardWithin(onnxRuntime, 0) }

// StandardWithin is Standard with a limit on the time that an ONNX model may take for 32
// rows. After it the model is stopped with an error. 0 is the engine's own limit.
func StandardWithin(onnxRuntime string, limit time.Duration) Engines {
	return Engines{
		"leaves": {Load: loadLeaves, Tolerance: 1e-6},
		"onnx": {Tolerance: 1e-5, Slow: true, LoadWithout: loadTrees,
			Load: func(data []byte, s *StageSpec) (Model, error) { return loadONNX(data, s, onnxRuntime, limit) }},
	}
}

func loadLeaves(data []byte, s *StageSpec) (Model, error) {
	if s.Output != "scores" {
		return nil, errors.New("engine leaves gives raw scores; set the stage's output to \"scores\"")
	}
	if s.Input != "" || s.OutputName != "" {
		return nil, errors.New("engine leaves has no named input or output; leave the stage's input and output_name out")
	}
	m, err := gbdt.Load(data)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func loadONNX(data []byte, s *StageSpec, library string, limit time.Duration) (Model, error) {
	if s.Input == "" {
		return nil, errors.New("engine onnx needs the graph's names; set the stage's input, and output_name if several outputs may be the scores")
	}
	path, err := onnx.Find(library)
	if err != nil {
		return nil, err
	}
	runtime, err := onnx.Start(path)
	if err != nil {
		return nil, err
	}
	defer runtime.Close() // the model keeps the library loaded
	m, err := runtime.Load(data, graphOf(s, limit))
	if err != nil {
		return nil, err
	}
	return m, nil
}

// loadTrees loads an ONNX graph that is trees and nothing else.
func loadTrees(data []byte, s *StageSpec) (Model, error) {
	m, err := onnx.LoadTrees(data, graphOf(s, 0), len(s.Features))
	if err != nil {
		return nil, err
	}
	return m, nil
}

func graphOf(s *StageSpec, limit time.Duration) onnx.Config {
	return onnx.Config{Input: s.Input, Output: s.OutputName, Probabilities: s.Output == "probabilities", Timeout: limit}
}

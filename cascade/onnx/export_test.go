package onnx

import "github.com/serveflow/serveflow/cascade/trees"

// LoadPlain loads a model that ONNX Runtime serves, whatever it is.
func (r *Runtime) LoadPlain(data []byte, c Config) (*Model, error) {
	m, _, err := r.load(data, c)
	return m, err
}

// Forest is what serves in place of ONNX Runtime; nil if nothing does.
func (m *Model) Forest() *trees.Forest { return m.forest }

package onnx

import (
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// slot has the buffers of one run. Tensors have a fixed shape, so there is a pair for each
// number of rows that has occurred. All of them share the same memory.
type slot struct {
	rows    []float32
	scores  []float32
	bySize  [maxBatch + 1]pair
	options *ort.RunOptions
}

// pair is a run's input and output in the form that the binding takes.
type pair struct {
	in, out []ort.Value
}

func newSlot(width, scores int) (*slot, error) {
	options, err := ort.NewRunOptions()
	if err != nil {
		return nil, err
	}
	return &slot{rows: make([]float32, maxBatch*width), scores: make([]float32, maxBatch*scores), options: options}, nil
}

// tensors gives the pair for n rows. It makes the pair the first time.
func (s *slot) tensors(n, width, scores int) (pair, error) {
	if s.bySize[n].in != nil {
		return s.bySize[n], nil
	}
	in, err := ort.NewTensor(ort.NewShape(int64(n), int64(width)), s.rows)
	if err != nil {
		return pair{}, err
	}
	out, err := ort.NewTensor(ort.NewShape(int64(n), int64(scores)), s.scores)
	if err != nil {
		in.Destroy()
		return pair{}, err
	}
	s.bySize[n] = pair{[]ort.Value{in}, []ort.Value{out}}
	return s.bySize[n], nil
}

// stopAfter makes the next run end with an error after limit. The function that it gives
// must be called after the run. It reports whether the run was stopped.
func (s *slot) stopAfter(limit time.Duration) func() bool {
	stopped := make(chan struct{})
	timer := time.AfterFunc(limit, func() {
		s.options.Terminate() // fails only on options that do not exist
		close(stopped)
	})
	return func() bool {
		if timer.Stop() {
			return false
		}
		<-stopped // otherwise it could stop the slot's next run
		s.options.UnsetTerminate()
		return true
	}
}

func (s *slot) destroy() {
	for _, p := range s.bySize {
		for _, v := range append(p.in, p.out...) {
			v.Destroy()
		}
	}
	s.options.Destroy()
}

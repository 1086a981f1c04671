package onnx

import (
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// slot is what one run needs for itself. Tensors have a fixed shape, so there is a
// pair for each number of rows that has come; all share the same memory.
type slot struct {
	rows    []float32
	scores  []float32
	bySize  [maxBatch + 1]pair
	options *ort.RunOptions
}

// pair holds a run's input and output as the binding takes them.
type pair struct {
	in, out []ort.Value
}

func newSlot(width, classes int) (*slot, error) {
	options, err := ort.NewRunOptions()
	if err != nil {
		return nil, err
	}
	return &slot{rows: make([]float32, maxBatch*width), scores: make([]float32, maxBatch*classes), options: options}, nil
}

// tensors gives the pair for n rows, making it at the first time.
func (s *slot) tensors(n, width, classes int) (pair, error) {
	if s.bySize[n].in != nil {
		return s.bySize[n], nil
	}
	in, err := ort.NewTensor(ort.NewShape(int64(n), int64(width)), s.rows)
	if err != nil {
		return pair{}, err
	}
	out, err := ort.NewTensor(ort.NewShape(int64(n), int64(classes)), s.scores)
	if err != nil {
		in.Destroy()
		return pair{}, err
	}
	s.bySize[n] = pair{[]ort.Value{in}, []ort.Value{out}}
	return s.bySize[n], nil
}

// stopAfter makes the next run end with an error once limit has passed. The function
// it gives is to be called after the run; it reports whether that has happened.
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
		<-stopped // else it could still hit the slot's next run
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

package cascade

import (
	"context"
	"errors"
	"math"
	"time"
)

var (
	// errHung says that a call was given up: its goroutine stays until the model
	// returns, with the buffers that it uses.
	errHung = errors.New("no answer in time; the call is given up")
	// errOver says that the cascade was stopped while the model was at work.
	errOver = errors.New("stopped while the model was at work")
)

// call is one question to the slow model, with buffers that nobody else uses until
// it is answered.
type call struct {
	rows []float32
	out  []float64
	done chan error
}

// ask puts rows to the model, for as long as it may take; 0 is for ever. A call that
// is given back by free is used again, one that was given up is not.
func (w *slow) ask(ctx context.Context, limit time.Duration, rows ...[]float32) (*call, error) {
	c := w.idle()
	c.rows = c.rows[:0]
	for _, row := range rows {
		c.rows = append(c.rows, row...)
	}
	c.out = resize(c.out, len(rows)*len(w.spec.Classes))
	began := time.Now()
	go func() { c.done <- w.predict(c.rows, len(rows), c.out) }()
	var deadline time.Time
	if limit > 0 {
		deadline = began.Add(limit)
	}
	err := w.wait(ctx, deadline, c)
	w.spent = time.Since(began)
	if errors.Is(err, errHung) || errors.Is(err, errOver) {
		w.breaker.lose()
		w.metrics.abandoned.Inc()
		w.metrics.stuck.Inc()
		go func() {
			<-c.done
			w.breaker.returned()
			w.metrics.stuck.Dec()
		}()
		return nil, err
	}
	return c, err
}

// wait waits for the answer until the deadline; the zero time is none. A stop ends it,
// unless that came before the question: what is queued at a stop is still answered.
func (w *slow) wait(ctx context.Context, deadline time.Time, c *call) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	over := ctx.Done()
	if ctx.Err() != nil || w.cfg.Patient {
		over = nil
	}
	select {
	case err := <-c.done:
		return err
	case <-over:
		return errOver
	case <-late:
	}
	if stoodStill := time.Since(deadline) > w.cfg.Timeout/4; stoodStill {
		// The whole process was halted, so the model has had no time either.
		return w.wait(ctx, time.Now().Add(w.cfg.Timeout), c)
	}
	return errHung
}

// idle gives a call that nobody uses.
func (w *slow) idle() *call {
	if last := len(w.calls) - 1; last >= 0 {
		c := w.calls[last]
		w.calls = w.calls[:last]
		return c
	}
	return &call{done: make(chan error, 1)}
}

// free gives a call back once its answers are read; nil is one that was given up.
func (w *slow) free(c *call) {
	if c != nil {
		w.calls = append(w.calls, c)
	}
}

// predict runs the model and calibrates its answers. A row whose numbers are no
// answer is that row's failure alone: it is left as NaN.
func (w *slow) predict(rows []float32, n int, out []float64) error {
	if err := w.stage.Model.Predict(rows, n, out); err != nil {
		return err
	}
	classes := len(out) / n
	for i := range n {
		row := out[i*classes : (i+1)*classes]
		if w.stage.calibrate(row) != nil {
			row[0] = math.NaN()
		}
	}
	return nil
}

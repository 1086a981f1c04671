package cascade

import (
	"context"
	"errors"
	"time"
)

var (
	// errTimedOut says that a call was abandoned: its goroutine stays until the model
	// returns, with the buffers that it uses.
	errTimedOut = errors.New("no answer in time; the call is given up")
	// errStopped says that the cascade was stopped while the model was at work.
	errStopped = errors.New("stopped while the model was at work")
)

// abandoned reports whether a call ended with err before the model returned.
func abandoned(err error) bool {
	return errors.Is(err, errTimedOut) || errors.Is(err, errStopped)
}

// call is one call of the slow model, with buffers that nobody else uses until the
// model returns.
type call struct {
	rows []float32
	out  []float64
	done chan error
}

// call calls the model with rows, and waits at most limit for it; 0 means for ever. A
// call that is given back by putCall is used again. One that is abandoned is not, since
// the model may still write into its buffers.
func (w *worker) call(ctx context.Context, limit time.Duration, rows ...[]float32) (*call, error) {
	c := w.getCall()
	c.rows = c.rows[:0]
	for _, row := range rows {
		c.rows = append(c.rows, row...)
	}
	c.out = resize(c.out, len(rows)*w.slow.classes)
	began := time.Now()
	w.slow.calls.Go(func() { c.done <- w.slow.predict(c.rows, len(rows), c.out) })
	var deadline time.Time
	if limit > 0 {
		deadline = began.Add(limit)
	}
	err := w.await(ctx, deadline, c)
	w.took = time.Since(began)
	if abandoned(err) {
		w.slow.abandon(c)
		return nil, err
	}
	return c, err
}

// abandon counts a call whose answer nobody waits for, until the model returns.
func (s *slowStage) abandon(c *call) {
	s.breaker.addAbandoned(1)
	s.metrics.abandoned.WithLabelValues(s.stage.Name).Inc()
	s.metrics.running.WithLabelValues(s.stage.Name).Inc()
	s.calls.Go(func() { // also one of them: its gauge must not come back behind Slot.forget
		<-c.done
		s.breaker.addAbandoned(-1)
		s.metrics.running.WithLabelValues(s.stage.Name).Dec()
	})
}

// await waits for the answer until the deadline; the zero time is none. A stop ends the
// wait, unless it came before the call: what is queued at a stop is still answered.
func (w *worker) await(ctx context.Context, deadline time.Time, c *call) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	stop := ctx.Done()
	if ctx.Err() != nil || w.slow.cfg.Deterministic {
		stop = nil
	}
	select {
	case err := <-c.done:
		return err
	case <-stop:
		return errStopped
	case <-late:
	}
	if timeout := w.slow.cfg.Timeout; time.Since(deadline) > timeout/4 {
		// The whole process was halted, so the model has had no time either.
		return w.await(ctx, time.Now().Add(timeout), c)
	}
	return errTimedOut
}

// getCall gives a call that nobody uses.
func (w *worker) getCall() *call {
	if last := len(w.calls) - 1; last >= 0 {
		c := w.calls[last]
		w.calls = w.calls[:last]
		return c
	}
	return &call{done: make(chan error, 1)}
}

// putCall gives a call back once its answers are read. An abandoned one is nil.
func (w *worker) putCall(c *call) {
	if c != nil {
		w.calls = append(w.calls, c)
	}
}

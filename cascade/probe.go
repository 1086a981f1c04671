package cascade

import (
	"context"
	"errors"
	"math"
	"time"
)

// stepAway does the next thing while flows are kept away from the model; false at
// the end.
func (w *slow) stepAway(ctx context.Context) bool {
	queue := w.queue
	if len(w.held) >= w.cfg.Queue {
		queue = nil // holds the input back
	}
	timer := time.NewTimer(w.breaker.rest(time.Now()))
	defer timer.Stop()
	select {
	case j := <-queue:
		w.pass(ctx, j)
		return true
	case <-timer.C:
		return w.probe(ctx)
	case <-ctx.Done():
	}
	for {
		select {
		case j := <-w.queue:
			w.pass(ctx, j)
		default:
			return false
		}
	}
}

// probe asks the model, if a probe is due, whether it is well again; false if the
// cascade was stopped meanwhile.
func (w *slow) probe(ctx context.Context) bool {
	var waits []float32 // of those that wait another one each time: one of them may be to blame
	if len(w.held) > 0 {
		w.turn++
		waits = w.held[w.turn%len(w.held)].row
	}
	row := w.breaker.probe(time.Now(), waits)
	if row == nil {
		return true
	}
	w.metrics.breaker.Set(float64(halfOpen))
	c, err := w.ask(ctx, w.limit(), row)
	defer w.free(c)
	if errors.Is(err, errOver) {
		return false
	}
	if err == nil && math.IsNaN(c.out[0]) {
		err = errNoAnswer
	}
	w.metrics.probed(w.stage.Name, err, w.breaker.judge(time.Now(), err == nil))
	return true
}

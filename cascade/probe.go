package cascade

import (
	"context"
	"errors"
	"math"
	"time"
)

// stepRejecting does the next piece of work while the breaker is not closed. It gives
// false at the end.
func (w *worker) stepRejecting(ctx context.Context) bool {
	queue := w.slow.queue
	if len(w.parked) >= w.slow.cfg.Queue {
		queue = nil // holds the input back
	}
	select {
	case j := <-queue:
		w.reject(ctx, j)
		return true
	case <-time.After(w.slow.breaker.untilProbe(time.Now())):
		w.probe(ctx)
		return true
	case <-ctx.Done():
	}
	for {
		select {
		case j := <-w.slow.queue:
			w.reject(ctx, j)
		default:
			return false
		}
	}
}

// probe calls the model, if a probe is due, to see whether it answers again.
func (w *worker) probe(ctx context.Context) {
	s := w.slow
	var row []float32
	if len(w.parked) > 0 { // another one each time: one of them may be to blame
		w.probes++
		row = w.parked[w.probes%len(w.parked)].row
	}
	row = s.breaker.beginProbe(time.Now(), row)
	if row == nil {
		return
	}
	s.metrics.breaker.WithLabelValues(s.stage.Name).Set(float64(halfOpen))
	c, err := w.call(ctx, w.limit(), row)
	defer w.putCall(c)
	if errors.Is(err, errStopped) {
		return
	}
	if err == nil && math.IsNaN(c.out[0]) {
		err = errNoAnswer
	}
	s.metrics.probed(s.stage.Name, err, s.breaker.endProbe(time.Now(), err == nil))
}

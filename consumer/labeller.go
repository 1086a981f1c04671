package consumer

import (
	"context"
	"time"
)

// labeller is the intake whose records become flows, which a decider labels.
type labeller struct {
	*Worker
	partition string

	forgotten, headless int // counted so far
}

// Rest moves the clocks of a partition that is read to its end by wall time.
func (l *labeller) Rest(_ context.Context, _ bool, waited time.Duration) {
	if waited > 0 {
		l.Idle(waited)
	}
	open, bytes, remembered := l.table.Size()
	l.metrics.open.WithLabelValues(l.partition).Set(float64(open))
	l.metrics.bytes.WithLabelValues(l.partition).Set(float64(bytes))
	l.metrics.remembered.WithLabelValues(l.partition).Set(float64(remembered))
	forgotten, headless := l.table.Losses()
	l.metrics.forgotten.Add(float64(forgotten - l.forgotten))
	l.metrics.headless.Add(float64(headless - l.headless))
	l.forgotten, l.headless = forgotten, headless
}

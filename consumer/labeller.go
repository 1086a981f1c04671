package consumer

import (
	"context"
	"time"
)

// labeller is the intake whose records become flows, which a decider labels.
type labeller struct {
	*Worker
	partition string
}

// Rest moves the clock of a partition that is read to its end by wall time.
func (l labeller) Rest(_ context.Context, atEnd bool, silent time.Duration) {
	if atEnd && silent > 0 {
		l.Idle(silent)
	}
	open, bytes, remembered := l.table.Size()
	l.metrics.open.WithLabelValues(l.partition).Set(float64(open))
	l.metrics.bytes.WithLabelValues(l.partition).Set(float64(bytes))
	l.metrics.remembered.WithLabelValues(l.partition).Set(float64(remembered))
}

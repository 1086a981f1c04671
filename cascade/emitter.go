package cascade

import (
	"context"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/drift"
)

// emitter counts verdicts and hands them to the sink.
type emitter struct {
	metrics *Metrics
	emit    func(context.Context, Verdict)
	drift   *drift.Monitor // nil if the bundle has no reference
}

// verdict emits v with the stage's answer.
func (e *emitter) verdict(ctx context.Context, v Verdict, a *answer.Answer, s *Stage) {
	v.setAnswer(a, s)
	e.decided(&v, a)
	e.metrics.labelled(&v)
	e.emit(ctx, v)
}

// unsupported emits v for a flow that no stage can answer.
func (e *emitter) unsupported(ctx context.Context, v Verdict) {
	v.Decided, v.Reason, v.Uncertainty = time.Now(), Unsupported, 1
	e.metrics.labelled(&v)
	e.emit(ctx, v)
}

// fallback emits v with the answer of an earlier stage, because the last stage did not
// answer. If by is nil, no stage did: the flow then stays without a label, is counted,
// and its Acker is told.
func (e *emitter) fallback(ctx context.Context, v Verdict, probabilities []float64, by *Stage, why Reason) {
	if by == nil {
		e.metrics.unlabelled.Inc()
		if v.Acker != nil {
			v.Acker.Ack()
		}
		return
	}
	v.Reason = why
	a := answer.Rank(probabilities)
	e.verdict(ctx, v, &a, by)
}

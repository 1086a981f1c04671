package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/shadow"
	"github.com/serveflow/serveflow/sink/producer"
)

// comparing has the final labels of a task's main bundle compared with those of its shadow.
type comparing struct {
	pairs   *shadow.Pairs
	metrics *shadow.Metrics
}

func newComparing(t task, reg prometheus.Registerer) comparing {
	m := shadow.NewMetrics(t.registerer(reg))
	return comparing{shadow.NewPairs(shadow.Share(t.settings.ShadowShare), m), m}
}

// emit is what gets verdicts.
type emit func(context.Context, cascade.Verdict)

// main takes the main bundle's verdicts once they are on their way.
func (c comparing) main(next emit) emit { return after(next, c.pairs.Main) }

// shadow takes the shadow's verdicts.
func (c comparing) shadow(next emit) emit { return after(next, c.pairs.Shadow) }

func after(next emit, take func(uid string, a shadow.Answer)) emit {
	return func(ctx context.Context, v cascade.Verdict) {
		next(ctx, v)
		if v.Final {
			take(v.UID, shadow.Answer{Label: v.Label(), Classes: len(v.Spec.Classes)})
		}
	}
}

// offering sends messages where there is room, and drops and counts the others.
type offering struct {
	producer *producer.Producer
	metrics  *shadow.Metrics
}

func (o offering) Send(_ context.Context, m producer.Message) {
	if !o.producer.Offer(m) {
		o.metrics.Dropped()
	}
}

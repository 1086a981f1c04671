package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/shadow"
	"github.com/serveflow/serveflow/consumer"
	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/sink"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

// pipeline is the whole path from the input topic to the label topic.
type pipeline struct {
	consumer *consumer.Consumer
	cascades cascade.Tasks // of each task, then of each shadow
	builders []builder     // for each of the cascades
	producer *producer.Producer
	wrote    *producer.Metrics
	drain    time.Duration
}

// builder builds a task's cascade of one of its bundles.
type builder func(*cascade.Spec) *cascade.Cascade

// newPipeline builds the path and starts nothing. A setting that makes no sense
// is an error that names it.
func newPipeline(s *Settings, cluster *brokers.Cluster, all tasks, reg prometheus.Registerer, log *slog.Logger) (*pipeline, error) {
	p := &pipeline{drain: s.DrainTimeout}
	cfg := s.consumer(cluster, all)
	cfg.Bundles = func() []string { return p.cascades.Bundles() }
	if err := cfg.Validate(); err != nil {
		return nil, usageError{err}
	}
	p.wrote = producer.NewMetrics(reg)
	p.producer = producer.New(cluster, s.SinkQueue, p.wrote, log)
	catchingUp := func() bool { return p.consumer.CatchingUp() }
	p.producer.Late = catchingUp
	cascading := s.cascade()
	cascading.CatchingUp = catchingUp
	cascading.Shared = len(all) > 1
	var compared []comparing // for each of the shadows
	for _, t := range all {
		out := put(t, p.producer)
		if t.shadow != nil {
			c := newComparing(t, reg)
			compared = append(compared, c)
			out = c.main(out)
		}
		build := newBuilder(cascading, t.metrics(reg, log), out)
		p.cascades = append(p.cascades, cascade.NewSlot(build(t.spec), written(cluster, t.settings.LabelTopic, t.spec.Task, log)))
		p.builders = append(p.builders, build)
	}
	for i, t := range all.shadows() {
		out := compared[i].shadow(put(t, offering{p.producer, compared[i].metrics}))
		build := newBuilder(s.shadowCascade(), t.shadowMetrics(reg, log), out)
		p.cascades = append(p.cascades, cascade.NewShadow(build(t.spec), shadow.Share(t.settings.ShadowShare)))
		p.builders = append(p.builders, build)
	}
	dead := deadletter.New(p.producer, s.DeadLetterTopic)
	p.consumer = consumer.New(cfg, func() assembler.Decider { return p.cascades.Decider() }, dead, consumer.NewMetrics(reg), log)
	return p, nil
}

// put sends a task's labels to its topics.
func put(t task, by sink.Sender) emit {
	labels := &sink.Labels{Sender: by, Topic: t.settings.LabelTopic, Latest: t.settings.LatestTopic}
	return func(ctx context.Context, v cascade.Verdict) { labels.Put(ctx, &v) }
}

func newBuilder(cfg cascade.Config, m *cascade.Metrics, out emit) builder {
	return func(spec *cascade.Spec) *cascade.Cascade { return cascade.New(spec, cfg, m, out) }
}

// written finds a task's labels in a label topic. Where that is not allowed, or where there are too
// many, labels go on: a few flows then get a second one.
func written(cluster *brokers.Cluster, topic, task string, log *slog.Logger) cascade.Written {
	return func(ctx context.Context, since time.Time) (cascade.Labelled, error) {
		w, err := sink.WrittenSince(ctx, cluster, topic, task, since)
		if errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, sink.ErrTooMany) {
			log.Error("flows that another bundle has labelled may get a second label", "topic", topic, "err", err)
			err = nil
		}
		return w, err
	}
}

// run works until ctx is done, then drains: the consumer waits for labels under
// way, commits and leaves the group, and only then the others stop.
func (p *pipeline) run(ctx context.Context) error {
	writing, stop := outlive(ctx, p.drain)
	defer stop()
	var group errgroup.Group
	group.Go(func() error { return p.producer.Run(writing) })
	group.Go(func() error { return p.cascades.Run(writing) })
	group.Go(func() error {
		defer stop()
		return p.consumer.Run(ctx)
	})
	return group.Wait()
}

// outlive gives a context for what writes while the rest drains: it is done when stop is
// called, and no later than drain after ctx.
func outlive(ctx context.Context, drain time.Duration) (writing context.Context, stop context.CancelFunc) {
	writing, stop = context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(drain, stop) })
	return writing, stop
}

// ready says in words why labels may not flow; nil if they do.
func (p *pipeline) ready() error {
	return errors.Join(p.consumer.Ready(), p.producer.Ready(), p.cascades.Ready())
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer"
	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/sink"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

// bundleChoice is which bundle the command line asks for.
type bundleChoice struct{ dir, task *string }

func bundleFlags(flags *flag.FlagSet) bundleChoice {
	return bundleChoice{
		flags.String("bundle", "", "folder of the bundle (SERVEFLOW_BUNDLE)"),
		flags.String("task", "", "use bundles/<task> (SERVEFLOW_TASK)"),
	}
}

// load reads the settings, lets the command line override them, and loads the bundle.
func (c bundleChoice) load() (*Settings, *cascade.Spec, error) {
	s, err := c.settings()
	if err != nil {
		return nil, nil, err
	}
	spec, err := loadSpec(s)
	return s, spec, err
}

// settings reads the settings and lets the command line override them.
func (c bundleChoice) settings() (*Settings, error) {
	s, err := loadSettings()
	if err != nil {
		return nil, err
	}
	if *c.task != "" {
		s.retask(*c.task)
	}
	if *c.dir != "" {
		s.Bundle = *c.dir
	}
	if err := errors.Join(s.validate(), s.cascade().Validate()); err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// pipeline is the whole path from the input topic to the label topic.
type pipeline struct {
	consumer *consumer.Consumer
	cascade  *cascade.Cascade
	producer *producer.Producer
	wrote    *producer.Metrics
	drain    time.Duration
	// hard ends what the drain's deadline leaves over.
	hard context.Context
	kill context.CancelFunc
}

// newPipeline builds the path and starts nothing. A setting that makes no sense
// is an error that names it.
func newPipeline(s *Settings, cluster *brokers.Cluster, spec *cascade.Spec, reg prometheus.Registerer, log *slog.Logger) (*pipeline, error) {
	cfg := s.consumer(cluster, spec)
	if err := cfg.Validate(); err != nil {
		return nil, usageError{err}
	}
	p := &pipeline{drain: s.DrainTimeout, wrote: producer.NewMetrics(reg)}
	p.hard, p.kill = context.WithCancel(context.Background())
	p.producer = producer.New(cluster, s.SinkQueue, p.wrote, log)
	labels := sink.Labels{Sender: p.producer, Topic: s.LabelTopic, Latest: s.LatestTopic}
	p.cascade = cascade.New(spec, s.cascade(), cascade.NewMetrics(reg, log), func(ctx context.Context, v cascade.Verdict) { labels.Put(ctx, &v) })
	dead := deadletter.New(p.producer, s.DeadLetterTopic)
	p.consumer = consumer.New(cfg, func() assembler.Decider { return p.cascade.Decider() }, dead, consumer.NewMetrics(reg), log)
	return p, nil
}

// run works until ctx is done, then drains: the consumer waits for labels under
// way, commits and leaves the group, and only then the others stop.
func (p *pipeline) run(ctx context.Context) error {
	defer p.kill()
	context.AfterFunc(ctx, func() { time.AfterFunc(p.drain, p.kill) })
	var group errgroup.Group
	group.Go(func() error { return p.producer.Run(p.hard) })
	group.Go(func() error { return p.cascade.Run(p.hard) })
	group.Go(func() error {
		defer p.kill()
		return p.consumer.Run(ctx)
	})
	return group.Wait()
}

// ready says in words why labels may not flow; nil if they do.
func (p *pipeline) ready() error {
	return errors.Join(p.consumer.Ready(), p.producer.Ready(), p.cascade.Ready())
}

// validate checks the settings that no part checks for itself.
func (s *Settings) validate() error {
	_, memory := s.budget()
	switch {
	case memory != nil:
		return memory
	case s.MaxFlowBytes < 0 || s.MaxFinished < 0:
		return errors.New("SERVEFLOW_MAX_FLOW_BYTES and SERVEFLOW_MAX_FINISHED must not be negative")
	case s.MaxPinRecords < 1:
		return fmt.Errorf("SERVEFLOW_MAX_PIN_RECORDS is %d: choose at least 1", s.MaxPinRecords)
	case s.SinkQueue < 1:
		return fmt.Errorf("SERVEFLOW_SINK_QUEUE is %d: choose at least 1", s.SinkQueue)
	case s.LatestTopic != "" && slices.Contains([]string{s.Topic, s.LabelTopic, s.DeadLetterTopic, s.RekeyFrom, s.RekeyTo}, s.LatestTopic):
		return fmt.Errorf("SERVEFLOW_LATEST_TOPIC=%s is used for something else too: choose a topic of its own", s.LatestTopic)
	case s.LabelTopic == s.DeadLetterTopic:
		return fmt.Errorf("SERVEFLOW_LABEL_TOPIC and SERVEFLOW_DEAD_LETTER_TOPIC must differ: both are %s", s.LabelTopic)
	case s.LabelTopic == s.Topic || s.DeadLetterTopic == s.Topic:
		return fmt.Errorf("SERVEFLOW_TOPIC, SERVEFLOW_LABEL_TOPIC and SERVEFLOW_DEAD_LETTER_TOPIC must differ: %s is used twice", s.Topic)
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("SERVEFLOW_LOG_FORMAT is %q: choose text or json", s.LogFormat)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/consumer"
	"github.com/serveflow/serveflow/internal/admin"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/internal/memory"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

// rekey writes the records of an un-keyed topic to one keyed by uid until told to
// stop, for producers that do not key.
func rekey(ctx context.Context, t terminal, args []string) error {
	_, stop := hangups()
	defer stop()
	flags := flag.NewFlagSet("rekey", flag.ContinueOnError)
	check := flags.Bool("check", false, "validate everything, connect to nothing, say what is wrong")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	s, err := rekeySettings(flags.Args())
	if err != nil {
		return usageError{err}
	}
	log, reg := s.logger(), admin.NewRegistry()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	r, err := newRekeying(s, cluster, reg, producer.NewMetrics(reg), log)
	if err != nil {
		return err
	}
	if *check {
		_, err := fmt.Fprintf(t.out, "ready to rekey: %s -> %s, group %s\n", s.RekeyFrom, s.RekeyTo, s.rekeyGroup())
		return err
	}
	memory.Limit(s.MaxMemory)
	return serve(ctx, newPreflight(s, cluster, s.rekeyTopics()), admin.Config{Addr: s.RekeyAdmin, Setting: "SERVEFLOW_REKEY_ADMIN", Registry: reg, Pprof: s.Pprof}, parts{r}, func() {
		log.Info("rekeying", "from", s.RekeyFrom, "to", s.RekeyTo, "group", s.rekeyGroup())
	})
}

// rekeySettings are the environment's, with the topic that the arguments may name.
func rekeySettings(args []string) (*Settings, error) {
	s, err := loadSettings()
	if err != nil {
		return nil, err
	}
	switch {
	case len(args) > 1:
		return nil, argumentError("%q: one topic is taken; run a rekey for each", args[1])
	case len(args) == 1:
		s.rekey(args[0])
	case s.RekeyFrom == "":
		return nil, argumentError("name the un-keyed topic: serveflow rekey TOPIC, or SERVEFLOW_REKEY_FROM")
	}
	return s, errors.Join(s.validate(), s.checkTopics(s.rekeyTopics()))
}

// rekeying is the path from an un-keyed topic to one keyed by uid.
type rekeying struct {
	consumer *consumer.Consumer
	producer *producer.Producer
	drain    time.Duration
}

// newRekeying builds the path and starts nothing. A setting that makes no sense is
// an error that names it.
func newRekeying(s *Settings, cluster *brokers.Cluster, reg prometheus.Registerer, wrote *producer.Metrics, log *slog.Logger) (*rekeying, error) {
	cfg := s.rekeyer(cluster)
	if err := cfg.Validate(); err != nil {
		return nil, usageError{err}
	}
	r := &rekeying{drain: s.DrainTimeout, producer: producer.New(cluster, s.SinkQueue, wrote, log)}
	dead := deadletter.New(r.producer, s.DeadLetterTopic)
	r.consumer = consumer.NewRekey(cfg, forwarder{r.producer, s.RekeyTo}, dead, consumer.NewRekeyMetrics(reg), log)
	return r, nil
}

// run works until ctx is done, then drains as pipeline.run does.
func (r *rekeying) run(ctx context.Context) error {
	writing, stop := outlive(ctx, r.drain)
	defer stop()
	var group errgroup.Group
	group.Go(func() error { return r.producer.Run(writing) })
	group.Go(func() error {
		defer stop()
		return r.consumer.Run(ctx)
	})
	return group.Wait()
}

// ready says in words why records may not be handed on; nil if they are.
func (r *rekeying) ready() error {
	return errors.Join(r.consumer.Ready(), r.producer.Ready())
}

// forwarder sends records to the topic keyed by uid.
type forwarder struct {
	producer *producer.Producer
	topic    string
}

// Forward sends one record.
func (f forwarder) Forward(ctx context.Context, key, value []byte, acker delivery.Acker) {
	f.producer.Send(ctx, producer.Message{Topic: f.topic, Key: key, Value: value, Acker: acker})
}

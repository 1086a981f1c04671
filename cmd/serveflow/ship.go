package main

import (
	"context"
	"errors"
	"flag"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/internal/admin"
	"github.com/serveflow/serveflow/internal/memory"
	"github.com/serveflow/serveflow/ship"
	"github.com/serveflow/serveflow/sink/deadletter"
	"github.com/serveflow/serveflow/sink/producer"
)

// shipCommand follows logs and writes their records to the input topic.
func shipCommand(ctx context.Context, t terminal, args []string) error {
	_, stop := hangups()
	defer stop()
	flags := flag.NewFlagSet("ship", flag.ContinueOnError)
	if err := parse(flags, args, true); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if err := errors.Join(s.validate(), s.checkTopics(s.inputTopics())); err != nil {
		return usageError{err}
	}
	log, reg := s.logger(), admin.NewRegistry()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	out := producer.New(cluster, s.SinkQueue, producer.NewMetrics(reg), log)
	dead := deadletter.New(out, s.DeadLetterTopic)
	shipper, err := ship.Open(s.ship(flags.Args()), t.in, out, dead, ship.NewMetrics(reg), log)
	if err != nil {
		return usageError{err}
	}
	defer shipper.Close()
	memory.Limit(s.MaxMemory)
	return serve(ctx, newPreflight(s, cluster, s.inputTopics()), admin.Config{Addr: s.ShipAdmin, Setting: "SERVEFLOW_SHIP_ADMIN", Registry: reg, Pprof: s.Pprof}, parts{shipping{shipper, out}}, func() {
		log.Info("shipping", "paths", flags.Args(), "to", s.Topic, "state", s.ShipState)
	})
}

// shipping is the whole path from the logs to the input topic.
type shipping struct {
	shipper  *ship.Shipper
	producer *producer.Producer
}

// run ships, and lets the producer write until the shipper has drained.
func (s shipping) run(ctx context.Context) error {
	writing, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return s.producer.Run(writing) })
	group.Go(func() error {
		defer stop()
		return s.shipper.Run(ctx)
	})
	return group.Wait()
}

// ready says in words why records may not flow; nil if they do.
func (s shipping) ready() error { return errors.Join(s.shipper.Ready(), s.producer.Ready()) }

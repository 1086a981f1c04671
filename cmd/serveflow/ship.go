package main

import (
	"context"
	"errors"
	"flag"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/ship"
	"github.com/serveflow/serveflow/sink"
)

// shipCommand follows logs and writes their records to the input topic.
func shipCommand(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("ship", flag.ContinueOnError)
	if err := parse(t, flags, args, true); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if err := s.validate(); err != nil {
		return usageError{err}
	}
	log, reg := s.logger(), newRegistry()
	producer := sink.NewProducer(s.Brokers, s.ClientID, s.SinkQueue, sink.NewMetrics(reg), log)
	dead := sink.DeadLetters{Producer: producer, Topic: s.DeadLetterTopic}
	shipper, err := ship.Open(s.ship(flags.Args()), t.in, dead, ship.NewMetrics(reg), log)
	if err != nil {
		return usageError{err}
	}
	defer shipper.Close()
	var a *admin
	if s.Admin != "" {
		ready := func() error { return errors.Join(shipper.Ready(), producer.Ready()) }
		if a, err = listenAdmin(s.Admin, reg, ready); err != nil {
			return usageError{err}
		}
	}
	if err := preflight(ctx, s, topicSettings{s.Topic: "SERVEFLOW_TOPIC", s.DeadLetterTopic: "SERVEFLOW_DEAD_LETTER_TOPIC"}); err != nil {
		return err
	}
	log.Info("shipping", "paths", flags.Args(), "to", s.Topic, "state", s.ShipState)
	return runAll(ctx, func(ctx context.Context) error { return shipAll(ctx, shipper, producer) }, a)
}

// shipAll runs the shipper, and the producer until the shipper has drained.
func shipAll(ctx context.Context, shipper *ship.Shipper, producer *sink.Producer) error {
	writing, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return producer.Run(writing) })
	group.Go(func() error {
		defer stop()
		return shipper.Run(ctx)
	})
	return group.Wait()
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/sink/producer"
)

// send writes record files to the input topic, keyed by uid, at their recorded
// pace, and ends when everything is written.
func send(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	speed := flags.Float64("speed", 1, "pace, `N` times that of the records; 0: as fast as possible")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if *speed < 0 {
		return argumentError("--speed %g: choose 0 or more", *speed)
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if err := s.validate(); err != nil {
		return usageError{err}
	}
	log := s.logger()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	out := producer.New(cluster, s.SinkQueue, producer.NewMetrics(prometheus.NewRegistry()), log)
	player := demo.NewPlayer(out, s.Topic, *speed)
	writing, stop := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error { return out.Run(writing) })
	var refused error
	group.Go(func() error {
		defer stop()
		var err error
		refused, err = sendFiles(ctx, t, player, flags.Args())
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.err, "sent to %s: %s\n", s.Topic, player.Summary())
	return errors.Join(refused, err)
}

// sendFiles plays the files in order and waits until every record is written. Lines that are
// no records are not sent: refused says how many there were.
func sendFiles(ctx context.Context, t terminal, player *demo.Player, files []string) (refused, err error) {
	pending := &pending{}
	reader := logFiles{t: t, most: zeek.MaxRecord}
	refused = reader.each(ctx, files, func(record []byte, _ int) error {
		pending.unwritten.Add(1)
		err := player.Play(ctx, record, pending)
		var bad *zeek.Error
		if errors.As(err, &bad) {
			pending.Ack() // it was not sent
		}
		return err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return refused, pending.wait(ctx)
}

// pending counts records that are not written yet.
type pending struct{ unwritten sync.WaitGroup }

// Ack counts one as written.
func (p *pending) Ack() { p.unwritten.Done() }

func (p *pending) wait(ctx context.Context) error {
	written := make(chan struct{})
	go func() { p.unwritten.Wait(); close(written) }()
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopped before everything was written: %w", ctx.Err())
	}
}

package main

import (
	"context"
	"flag"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
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
	group.Go(func() error {
		defer stop()
		return sendFiles(ctx, t, player, flags.Args())
	})
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.err, "sent to %s: %s\n", s.Topic, player.Summary())
	return err
}

// sendFiles plays the files in order and waits until every record is written.
func sendFiles(ctx context.Context, t terminal, player *demo.Player, files []string) error {
	pending := &pending{}
	for _, name := range files {
		err := eachLine(ctx, t, name, func(_ int, line []byte) error {
			pending.unwritten.Add(1)
			return player.Play(ctx, line, pending)
		})
		if err != nil {
			return err
		}
	}
	return pending.wait(ctx)
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

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/preflight"
	"github.com/serveflow/serveflow/sink/producer"
)

// send writes record files to the input topic, keyed by uid, at their recorded
// pace, and ends when everything is written.
func send(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	speed := flags.Float64("speed", 1, "pace, `N` times that of the records; 0: as fast as possible")
	again := flags.Bool("again", false, "send the flows as new ones, with other uids and a sensor of their own, so that they are labelled once more")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if !finite(*speed) || *speed < 0 {
		return argumentError("--speed %g: choose 0 or more", *speed)
	}
	if err := present(flags.Args()); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if err := errors.Join(s.validate(), s.checkTopics([]topicUse{{topic: s.Topic, setting: "SERVEFLOW_TOPIC"}})); err != nil {
		return usageError{err}
	}
	log := s.logger()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	topics := map[string]string{s.Topic: "SERVEFLOW_TOPIC"}
	if err := preflight.New(preflight.Config{Cluster: cluster, Topics: topics, Timeout: s.StartTimeout}).Run(ctx); err != nil {
		return err // the pace would begin before anything can be written
	}
	out := producer.New(cluster, s.SinkQueue, producer.NewMetrics(prometheus.NewRegistry()), log)
	player := demo.NewPlayer(out, s.Topic, *speed)
	sending := &sending{t: t, player: player}
	if *again {
		sending.resend = newResender(time.Now())
	}
	writing, stop := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error { return out.Run(writing) })
	var refused error
	group.Go(func() error {
		defer stop()
		var err error
		refused, err = sending.files(ctx, flags.Args())
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if errors.As(refused, new(usageError)) {
		return refused // nothing was read
	}
	_, err = fmt.Fprintf(t.err, "sent to %s: %s\n%s", s.Topic, player.Summary(), sending.note(s.Remember))
	return errors.Join(refused, err)
}

// sending is one run of send.
type sending struct {
	t      terminal
	player *demo.Player
	resend *resender // nil: records are sent as they are
}

// files plays the files in order and waits until every record is written. Lines that are
// no records are not sent: refused says how many there were.
func (s *sending) files(ctx context.Context, files []string) (refused, err error) {
	pending := &pending{}
	reader := logFiles{t: s.t, most: zeek.MaxRecord}
	refused = reader.each(ctx, files, func(record []byte, _ int) error {
		if s.resend != nil {
			if record, err = s.resend.rename(record); err != nil {
				return err
			}
		}
		pending.unwritten.Add(1)
		err := s.player.Play(ctx, record, pending)
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

// note says what becomes of flows that were sent before, because then no labels come.
func (s *sending) note(remember time.Duration) string {
	if s.resend != nil {
		return ""
	}
	return fmt.Sprintf("flows that serveflow run labelled within the last %v (SERVEFLOW_REMEMBER) are known and get no second label: send --again sends them as new ones\n", remember)
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
		return errors.New("stopped before everything was written")
	}
}

package main

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/internal/admin"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/preflight"
)

// part is what a process runs until ctx is done; ready says in words why it is not
// at work, nil if it is.
type part interface {
	run(ctx context.Context) error
	ready() error
}

type parts []part

func (all parts) ready() error {
	var faults []error
	for _, p := range all {
		faults = append(faults, p.ready())
	}
	return errors.Join(faults...)
}

// run ends all when one fails.
func (all parts) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range all {
		group.Go(func() error { return p.run(ctx) })
	}
	return group.Wait()
}

// newPreflight looks for the topics that a command reads and writes; compacted are those of them that must be.
func newPreflight(s *Settings, cluster *brokers.Cluster, topics []topicUse, compacted ...string) *preflight.Check {
	return preflight.New(preflight.Config{Cluster: cluster, Topics: bySetting(topics), Compacted: compacted, Uncompacted: s.DeadLetterTopic, Timeout: s.StartTimeout})
}

// serve runs the parts until ctx is done, once the topics are there, and says so
// then. The admin address, if there is one, answers from before that to the end of
// the drain.
func serve(ctx context.Context, pre *preflight.Check, at admin.Config, all parts, say func()) error {
	serving, stop := context.WithCancel(context.Background())
	defer stop()
	var group errgroup.Group
	if at.Addr != "" {
		at.Ready = func() error { return errors.Join(pre.Ready(), all.ready()) }
		a, err := admin.Listen(at)
		if err != nil {
			return usageError{err}
		}
		group.Go(func() error { return a.Run(serving) })
	}
	group.Go(func() error {
		defer stop()
		if err := pre.Run(ctx); ctx.Err() != nil {
			return nil // told to stop before it was at work: that is no failure
		} else if err != nil {
			return err
		}
		say()
		return all.run(ctx)
	})
	return group.Wait()
}

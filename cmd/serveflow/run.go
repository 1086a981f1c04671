package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/internal/admin"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/memory"
	"github.com/serveflow/serveflow/internal/preflight"
)

// run labels the flows of the input topic until told to stop; where an un-keyed
// topic is named, it rekeys that beside it.
func run(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	from := bundleFlags(flags)
	unkeyed := flags.String("rekey", "", "rekey this `TOPIC` too, and label what is written; without it, that of SERVEFLOW_REKEY_FROM, if there is one")
	check := flags.Bool("check", false, "build and validate everything, connect to nothing, say what is wrong")
	if err := parse(flags, args, false); err != nil {
		return err
	}
	s, all, err := from.load(ctx)
	if err == nil {
		err = loadShadows(ctx, s, all)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it was at work: that is no failure
	case err != nil:
		return err
	}
	if *unkeyed != "" {
		s.rekey(*unkeyed)
	}
	topics := map[string]string{s.Topic: "SERVEFLOW_TOPIC", s.DeadLetterTopic: "SERVEFLOW_DEAD_LETTER_TOPIC"}
	if s.RekeyFrom != "" {
		delete(topics, s.Topic)
		maps.Copy(topics, s.rekeyTopics())
		s.Topic = s.RekeyTo
	}
	var latest []string
	for _, t := range all {
		topics[t.settings.LabelTopic] = "SERVEFLOW_LABEL_TOPIC"
		if t.settings.LatestTopic != "" {
			topics[t.settings.LatestTopic] = "SERVEFLOW_LATEST_TOPIC"
			latest = append(latest, t.settings.LatestTopic)
		}
	}
	for _, t := range all.shadows() {
		topics[t.settings.LabelTopic] = "SERVEFLOW_LABEL_TOPIC, or empty SERVEFLOW_SHADOW"
	}
	log, reg := s.logger(), admin.NewRegistry()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	p, err := newPipeline(s, cluster, all, reg, log)
	if err != nil {
		return err
	}
	work := parts{p}
	if s.RekeyFrom != "" {
		r, err := newRekeying(s, cluster, reg, p.wrote, log)
		if err != nil {
			return err
		}
		work = append(work, r)
	}
	if *check {
		for _, of := range all {
			if _, err := fmt.Fprintf(t.out, "ready to run: %s, %d stages, %s -> %s, bundle %s\n",
				of.spec.Bundle, len(of.spec.Stages), s.Topic, of.settings.LabelTopic, of.spec.Digest); err != nil {
				return err
			}
		}
		for _, of := range all.shadows() {
			if _, err := fmt.Fprintf(t.out, "and its shadow: %s, %d stages, %v of the flows -> %s, bundle %s\n",
				of.spec.Bundle, len(of.spec.Stages), s.ShadowShare, of.settings.LabelTopic, of.spec.Digest); err != nil {
				return err
			}
		}
		return nil
	}
	memory.Limit(s.MaxMemory)
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGHUP)
	defer signal.Stop(ask)
	bundles := newReloading(s, all, p, reg, log, ask)
	work = append(work, bundles)
	at := admin.Config{Addr: s.Admin, Setting: "SERVEFLOW_ADMIN", Registry: reg, Pprof: s.Pprof, Note: bundles.watcher.Note}
	return serve(ctx, newPreflight(s, cluster, topics, latest...), at, work, func() {
		for _, of := range all {
			log.Info("running", "bundle", of.spec.Bundle, "digest", of.spec.Digest, "from", s.Topic, "to", of.settings.LabelTopic, "group", s.group())
		}
		for _, of := range all.shadows() {
			log.Info("running a shadow", "bundle", of.spec.Bundle, "digest", of.spec.Digest, "share", s.ShadowShare, "to", of.settings.LabelTopic)
		}
	})
}

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

// newPreflight looks for the topics that a command reads and writes, each with the
// setting that names it; compacted are those of them that must be.
func newPreflight(s *Settings, cluster *brokers.Cluster, topics map[string]string, compacted ...string) *preflight.Check {
	return preflight.New(preflight.Config{Cluster: cluster, Topics: topics, Compacted: compacted, Uncompacted: s.DeadLetterTopic, Timeout: s.StartTimeout})
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

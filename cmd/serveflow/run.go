package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/internal/admin"
	"github.com/serveflow/serveflow/internal/memory"
)

// run labels the flows of the input topic until told to stop; where an un-keyed
// topic is named, it rekeys that beside it.
func run(ctx context.Context, t terminal, args []string) error {
	ask, stop := hangups()
	defer stop()
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	from := bundleFlags(flags)
	unkeyed := flags.String("rekey", "", "rekey this `TOPIC` too, and label what is written; without it, that of SERVEFLOW_REKEY_FROM, if there is one")
	check := flags.Bool("check", false, "build and validate everything, connect to nothing, say what is wrong")
	if err := parse(flags, args, false); err != nil {
		return err
	}
	s, all, out, err := from.load(ctx)
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
	if s.RekeyFrom != "" {
		s.Topic = s.RekeyTo
	}
	topics := s.runTopics(all)
	if err := differ(topics); err != nil {
		return err
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
		return writeChecked(t.out, s, all)
	}
	memory.Limit(s.MaxMemory)
	bundles := newReloading(s, all, p, reg, log, ask)
	for _, of := range out {
		bundles.watcher.LeaveOut(of.task, of.why)
	}
	work = append(work, bundles)
	at := admin.Config{Addr: s.Admin, Setting: "SERVEFLOW_ADMIN", Registry: reg, Pprof: s.Pprof, Note: bundles.watcher.Note}
	return serve(ctx, newPreflight(s, cluster, topics, all.latestTopics()...), at, work, func() {
		for _, of := range all {
			log.Info("running", "bundle", of.spec.Bundle, "digest", of.spec.Digest, "from", s.Topic, "to", of.settings.LabelTopic, "group", s.group())
		}
		for _, of := range all.shadows() {
			log.Info("running a shadow", "bundle", of.spec.Bundle, "digest", of.spec.Digest, "share", s.ShadowShare, "to", of.settings.LabelTopic)
		}
	})
}

// writeChecked writes what would run.
func writeChecked(out io.Writer, s *Settings, all tasks) error {
	for _, of := range all {
		if _, err := fmt.Fprintf(out, "ready to run: %s, %d stages, %s -> %s, bundle %s\n",
			of.spec.Bundle, len(of.spec.Stages), s.Topic, of.settings.LabelTopic, of.spec.Digest); err != nil {
			return err
		}
	}
	for _, of := range all.shadows() {
		if _, err := fmt.Fprintf(out, "and its shadow: %s, %d stages, %v of the flows -> %s, bundle %s\n",
			of.spec.Bundle, len(of.spec.Stages), s.ShadowShare, of.settings.LabelTopic, of.spec.Digest); err != nil {
			return err
		}
	}
	return nil
}

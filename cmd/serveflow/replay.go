package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/sink"
)

// replay labels the flows of record files without Kafka. It is repeatable: a
// full slow queue holds the input back instead of degrading.
func replay(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	from := bundleFlags(flags)
	stages := flags.String("stages", "", "these stages of the bundle alone, a `LIST` with commas")
	drifts := flags.Bool("drift", false, "say at the end, on standard error, how far the flows are from those of the bundle's calibration set")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	s, all, _, err := from.load(ctx)
	if err != nil {
		return err
	}
	if *stages != "" {
		if len(all) > 1 {
			return argumentError("--stages %s: of several tasks each has stages of its own: name one by --task", *stages)
		}
		if all[0].spec, err = only(all[0].spec, strings.Split(*stages, ",")); err != nil {
			return err
		}
	}
	cfg := s.cascade()
	cfg.Deterministic = true
	if *drifts {
		if err := all.haveReferences(); err != nil {
			return err
		}
	}
	return replayFiles(ctx, t, s, all, cfg, *drifts, flags.Args())
}

func replayFiles(ctx context.Context, t terminal, s *Settings, all tasks, cfg cascade.Config, drifts bool, files []string) error {
	if err := errors.Join(s.limits().Validate(), s.flow(all).Validate()); err != nil {
		return usageError{err}
	}
	lines := sink.NewLines(t.out)
	reg := prometheus.NewRegistry()
	var cascades cascade.Tasks
	for _, of := range all {
		cascades = append(cascades, cascade.NewSlot(cascade.New(of.spec, cfg, of.metrics(reg, slog.Default()), func(_ context.Context, v cascade.Verdict) { lines.Put(&v) }), nil))
	}
	running, stop := context.WithCancel(context.Background())
	idle := make(chan error, 1)
	go func() { idle <- cascades.Run(running) }()
	err := newFileReader(t, s.flow(all), s.limits(), cascades.Decider(), lines.Err).read(ctx, files)
	stop() // what is queued is still answered
	err = errors.Join(err, <-idle)
	if full := lines.Flush(); full != nil {
		return full // it is why reading ended, too
	}
	if drifts {
		writeDrift(t.err, cascades)
	}
	return err
}

// only is the cascade with the named stages alone.
func only(spec *cascade.Spec, names []string) (*cascade.Spec, error) {
	part := spec.Only(names...)
	if len(part.Stages) != len(names) {
		var known []string
		for _, stage := range spec.Stages {
			known = append(known, stage.Name)
		}
		return nil, argumentError("--stages %s: the bundle has the stages %s", strings.Join(names, ","), strings.Join(known, ","))
	}
	return part, nil
}

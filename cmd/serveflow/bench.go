package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/internal/decompress"
	"github.com/serveflow/serveflow/workbench/rerun"
	"github.com/serveflow/serveflow/workbench/truth"
)

// bench is a bundle, known labels and the records of their flows.
type bench struct {
	settings *Settings
	spec     *cascade.Spec
	dir      string // the bundle's
	flows    *truth.Flows
	records  *rerun.Records
	trouble  error // what could not be read
}

func newBench(ctx context.Context, t terminal, from bundleChoice, known labelChoice, files []string) (*bench, error) {
	if err := onceStandardInput(append(files, *known.file)); err != nil {
		return nil, err
	}
	flows, err := known.read(t)
	if err != nil {
		return nil, err
	}
	s, all, _, err := from.load(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		return nil, argumentError("several tasks are named: judge one at a time, by --task or --bundle")
	}
	if err := errors.Join(s.limits().Validate(), s.flow(all).Validate()); err != nil {
		return nil, usageError{err}
	}
	b := &bench{settings: all[0].settings, spec: all[0].spec, dir: all[0].dir, flows: flows}
	b.records, err = readRecords(ctx, t, s, b.spec, files)
	switch {
	case errors.As(err, new(usageError)), ctx.Err() != nil, err != nil && b.records.Len() == 0:
		return nil, err
	case b.records.Len() == 0:
		return nil, usageError{errors.New("there is no record in what was given: name the records of the flows that are labelled")}
	}
	b.trouble = err
	return b, nil
}

// onceStandardInput refuses standard input for two things.
func onceStandardInput(files []string) error {
	n := 0
	for _, name := range files {
		if name == "-" {
			n++
		}
	}
	if n > 1 {
		return argumentError("-: standard input can be read once: name a file")
	}
	return nil
}

// label labels the records by a cascade of the bundle's models.
func (b *bench) label(ctx context.Context, spec *cascade.Spec) (rerun.Result, error) {
	s := b.settings
	return rerun.Run{Spec: spec, Flow: s.flow(tasks{{settings: s, spec: spec}}), Limits: s.limits(), Cascade: s.cascade(), Log: slog.Default()}.Label(ctx, b.records)
}

// labelChoice is which known labels the command line asks for.
type labelChoice struct{ file, split, question *string }

func labelFlags(flags *flag.FlagSet) labelChoice {
	return labelChoice{
		flags.String("labels", "", "CSV `FILE` with the known labels"+compressed),
		flags.String("split", "", "the flows of split `NAME` alone, by the column split of the labels file"),
		flags.String("question", "", "the column `NAME` of labels, with NAME_split beside it, where the file answers several questions"),
	}
}

// read reads the known labels.
func (c labelChoice) read(t terminal) (*truth.Flows, error) {
	if *c.file == "" {
		return nil, argumentError("name the known labels by --labels FILE")
	}
	in, err := open(t, *c.file, decompress.NewReader)
	if err != nil {
		return nil, usageError{err}
	}
	defer in.Close()
	all, err := truth.Read(in, *c.file, truth.Options{Split: *c.split, Question: *c.question})
	if err != nil {
		return nil, usageError{err}
	}
	return truth.NewFlows(all), nil
}

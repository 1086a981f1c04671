package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/internal/decompress"
	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/page"
	"github.com/serveflow/serveflow/workbench/rerun"
	"github.com/serveflow/serveflow/workbench/summary"
	"github.com/serveflow/serveflow/workbench/truth"
)

// eval judges a bundle on flows whose label is known.
func eval(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	from, known := bundleFlags(flags), labelFlags(flags)
	asJSON := flags.Bool("json", false, "one JSON object on standard output instead of the summary")
	html := flags.String("html", "", "write a page with pictures to `FILE`, too")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	b, err := newBench(ctx, t, from, known, flags.Args())
	if err != nil {
		return err
	}
	e, err := b.evaluate(ctx, t)
	if err != nil {
		return err
	}
	if *html != "" {
		if err := writeFile(*html, func(w io.Writer) error { return page.Write(w, e) }); err != nil {
			return err
		}
	}
	if *asJSON {
		out := json.NewEncoder(t.out)
		out.SetEscapeHTML(false)
		err = out.Encode(e)
	} else {
		err = summary.Write(t.out, e)
	}
	return errors.Join(err, b.trouble)
}

// labelChoice is which known labels the command line asks for.
type labelChoice struct{ file, split, question *string }

func labelFlags(flags *flag.FlagSet) labelChoice {
	return labelChoice{
		flags.String("labels", "", "CSV `FILE` with the known labels"+compressed),
		flags.String("split", "", "the flows of split `NAME` alone, where the labels file has splits"),
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

// evaluate computes the figures of the bundle, and of its stages alone.
func (b *bench) evaluate(ctx context.Context, t terminal) (*judge.Evaluation, error) {
	whole, err := b.label(ctx, b.spec)
	if err != nil {
		return nil, err
	}
	if whole.Foreign > 0 {
		fmt.Fprintln(t.err, "serveflow:", passedBy(whole.Foreign, b.records.Len(), b.spec.Conns))
	}
	sample := judge.Collect(b.spec, b.flows, whole.Verdicts, b.settings.Lateness)
	if err := sample.Validate(); err != nil {
		return nil, usageError{fmt.Errorf("%w; give the records of the flows that are labelled", err)}
	}
	var alone []judge.Stage
	for i := range b.spec.Stages {
		if len(b.spec.Stages) == 1 {
			break
		}
		name := b.spec.Stages[i].Name
		part, err := b.label(ctx, b.spec.Only(name))
		if err != nil {
			return nil, err
		}
		alone = append(alone, judge.Stage{Name: name, Sample: judge.Collect(b.spec, b.flows, part.Verdicts, b.settings.Lateness)})
	}
	e := &judge.Evaluation{Schema: judge.Schema, Task: b.spec.Task, Bundle: b.spec.Bundle, Digest: b.spec.Digest,
		Run: b.run(whole), Figures: judge.Judge(sample, alone)}
	return e, nil
}

// run says what the run of the whole cascade took.
func (b *bench) run(r rerun.Result) judge.Run {
	run := judge.Run{Records: b.records.Len(), Foreign: r.Foreign, Flows: len(r.Verdicts), Unlabelled: r.Unlabelled,
		Idle: milliseconds(b.settings.FlowIdle), Lateness: milliseconds(b.settings.Lateness), Stages: []string{}}
	for i := range b.spec.Stages {
		run.Stages = append(run.Stages, b.spec.Stages[i].Name)
	}
	if len(r.Verdicts) > 0 {
		run.CPU = float64(r.CPU.Microseconds()) / float64(len(r.Verdicts))
	}
	return run
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/page"
	"github.com/serveflow/serveflow/workbench/rerun"
	"github.com/serveflow/serveflow/workbench/summary"
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
	if *html != "" {
		if err := canWrite("--html", *html); err != nil {
			return err
		}
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
		return nil, usageError{err}
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
	run := judge.Run{Input: bundle.Packets, Records: b.records.Len(), Foreign: r.Foreign, Flows: len(r.Verdicts), Unlabelled: r.Unlabelled,
		Idle: milliseconds(b.settings.FlowIdle), Lateness: milliseconds(b.settings.Lateness), Stages: []string{}}
	if b.spec.Conns {
		run.Input = bundle.Conn
	}
	for i := range b.spec.Stages {
		run.Stages = append(run.Stages, b.spec.Stages[i].Name)
	}
	if len(r.Verdicts) > 0 {
		run.CPU = float64(r.CPU.Microseconds()) / float64(len(r.Verdicts))
	}
	return run
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

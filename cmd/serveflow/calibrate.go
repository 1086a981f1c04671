package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/rerun"
	"github.com/serveflow/serveflow/workbench/summary"
)

// calibrateCommand chooses a bundle's rules for known flows, and writes a bundle that has them.
func calibrateCommand(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	from, known := bundleFlags(flags), labelFlags(flags)
	asked := flags.String("target", "", "what to choose for, a `TARGET`: defer=SHARE, loss=LOSS, within=TIME:SHARE, cost=error:COST,second:COST,cpu:COST or risk=SHARE:PROBABILITY")
	out := flags.String("out", "", "folder `DIR` of the new bundle, which must not be there")
	trials := flags.Int("trials", 400, "choices to try, at most; half as many more in the end")
	sure := flags.Float64("sure", .8, "aim so much higher that the promise is kept in this `SHARE` of bootstrap draws, on captures that did not choose; 0: as it comes")
	families := flags.Bool("families", false, "each class counts as its family, and thresholds of families are chosen too")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if *asked == "" {
		return argumentError("name what to choose for by --target, such as --target loss=0.005")
	}
	target, err := calibrate.ParseTarget(*asked)
	switch {
	case err != nil:
		return argumentError("--target %w", err)
	case *out == "":
		return argumentError("name the folder of the new bundle by --out DIR")
	case !(*sure >= 0 && *sure <= 1):
		return argumentError("--sure %v: choose a share from 0 to 1", *sure)
	case *trials < 10:
		return argumentError("--trials %d: choose at least 10", *trials)
	}
	if _, err := os.Lstat(*out); err == nil {
		return argumentError("--out %s: it is there already; name a folder that is not", *out)
	}
	if err := canMake("--out", *out); err != nil {
		return err
	}
	b, err := newBench(ctx, t, from, known, flags.Args())
	if err != nil {
		return err
	}
	known.warnOfLearned(t)
	if *families && b.spec.Families == nil {
		return argumentError("--families: %s has no families; name some in %s, or leave the flag out", b.spec.Bundle, filepath.Join(b.dir, "manifest.json"))
	}
	choice, err := b.choose(ctx, t, target, *trials, *sure, *families)
	if err != nil {
		return err
	}
	c := b.curve(*asked, target, choice, *families)
	c.Sure = *sure
	if err := b.write(*out, c); err != nil {
		return err
	}
	if err := verifyWritten(ctx, *out); err != nil {
		return err
	}
	return errors.Join(summary.WriteCurve(t.out, c, *out), b.trouble)
}

// warnOfLearned says that a split was learned from: the models are surer of its flows than of others.
func (c labelChoice) warnOfLearned(t terminal) {
	if *c.split == "train" || *c.split == "calib" {
		fmt.Fprintf(t.err, "serveflow calibrate: --split %s: models that train makes have learned from these flows, so the choice will look better than it is; label captures that they have not seen\n", *c.split)
	}
}

// choose chooses rules for the bench's flows.
func (b *bench) choose(ctx context.Context, t terminal, target calibrate.Target, trials int, sure float64, families bool) (*calibrate.Choice, error) {
	memo := &rerun.Memo{}
	spec := memo.Remember(b.spec)
	try := func(ctx context.Context, spec *cascade.Spec) (*judge.Sample, float64, error) {
		r, err := b.label(ctx, spec)
		if err != nil {
			return nil, 0, err
		}
		return judge.Collect(b.spec, b.flows, r.Verdicts, b.settings.Lateness), microsAFlow(memo.Take(), len(r.Verdicts)), nil
	}
	p := calibrate.Problem{Spec: spec, Target: target, Idle: b.settings.FlowIdle, Try: try, Trials: trials, Sure: sure, Families: families, Told: func(n int) {
		if n%50 == 0 {
			fmt.Fprintf(t.err, "serveflow calibrate: %d choices tried\n", n)
		}
	}}
	for i := range spec.Stages {
		sample, _, err := try(ctx, spec.Only(spec.Stages[i].Name))
		if err != nil {
			return nil, err
		}
		p.Alone = append(p.Alone, sample)
	}
	if err := p.Alone[len(p.Alone)-1].Validate(); err != nil {
		return nil, usageError{err}
	}
	choice, err := calibrate.Choose(ctx, p)
	if err != nil && ctx.Err() == nil {
		return nil, usageError{err}
	}
	return choice, err
}

// microsAFlow is what the models would have computed, by what an answer of each takes.
func microsAFlow(asked []rerun.Asked, flows int) float64 {
	var all float64
	for _, a := range asked {
		all += float64(a.Rows) * float64(a.Each.Nanoseconds()) / 1000
	}
	return all / float64(max(flows, 1))
}

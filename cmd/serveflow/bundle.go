package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/bundle"
)

// bundleCommand checks a bundle as run would, and says what it checked.
func bundleCommand(_ context.Context, t terminal, args []string) error {
	if len(args) == 0 || args[0] != "verify" {
		return usageError{errors.New("usage: serveflow bundle verify DIR")}
	}
	flags := flag.NewFlagSet("bundle verify", flag.ContinueOnError)
	if err := parse(t, flags, args[1:], true); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	for _, dir := range flags.Args() {
		report, err := bundle.Verify(dir, bundle.Standard(s.ONNXRuntime))
		for _, line := range report {
			fmt.Fprintln(t.out, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadSpec loads the bundle that the settings name. The bundle's own task is the
// one that is asked.
func loadSpec(s *Settings) (*cascade.Spec, error) {
	b, err := bundle.Load(s.bundleDir(), bundle.StandardWithin(s.ONNXRuntime, s.SlowTimeout))
	if err != nil {
		return nil, usageError{err}
	}
	s.retask(b.Manifest.Task)
	spec := &cascade.Spec{Task: b.Manifest.Task, Bundle: b.Name(), Digest: b.Digest,
		Conns: b.Manifest.Input == bundle.Conn, Classes: b.Manifest.Classes}
	for i := range b.Stages {
		spec.Stages = append(spec.Stages, newStage(&b.Stages[i]))
	}
	return spec, nil
}

func newStage(s *bundle.Stage) cascade.Stage {
	return cascade.Stage{
		Name: s.Name, Depth: s.Depth, Features: s.Extractor, Width: len(s.Features), Model: s.Model,
		Output: cascade.Output(s.Output), Temperature: s.Temperature,
		Measure: cascade.Measure(s.Uncertainty), Threshold: s.Threshold,
		Slow: s.Engine == "onnx",
	}
}

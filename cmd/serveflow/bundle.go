package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/internal/memory"
)

// bundleCommand checks a bundle as run would, and says what it checked. "bundle try"
// is not for people: it is the process that a bundle is tried out in.
func bundleCommand(ctx context.Context, t terminal, args []string) error {
	_, stop := hangups()
	defer stop()
	flags := flag.NewFlagSet("bundle", flag.ContinueOnError)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	verb, dirs := flags.Arg(0), flags.Args()[min(1, flags.NArg()):]
	switch {
	case flags.NArg() > 0 && verb != "verify" && verb != "try":
		return argumentError("%q is not what can be done with a bundle: serveflow bundle verify DIR", verb)
	case len(dirs) == 0:
		return argumentError("name the folder of a bundle: serveflow bundle verify DIR")
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	if verb == "try" {
		return bundle.Try(dirs[0], bundle.Standard(s.ONNXRuntime), trialLimits(), t.out)
	}
	trial, err := newTrial()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		report, err := trial.Verify(ctx, dir)
		for _, line := range report {
			fmt.Fprintln(t.out, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadBundle loads the bundle in a folder, once it is tried out.
func loadBundle(ctx context.Context, s *Settings, dir string) (*bundle.Bundle, error) {
	trial, err := newTrial()
	if err != nil {
		return nil, err
	}
	return trial.Load(ctx, dir, bundle.StandardWithin(s.ONNXRuntime, s.SlowTimeout))
}

// newTrial tries bundles out by "bundle try" of this program. Of the environment it
// gets what the search for ONNX Runtime needs and no more: what a bundle's models do
// there is not known yet, and settings may be secret.
func newTrial() (*bundle.Trial, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this program's own file, to try a bundle out: %w", err)
	}
	t := &bundle.Trial{Command: []string{exe, "bundle", "try"}, Env: []string{}, Limits: trialLimits()}
	for _, name := range []string{"SERVEFLOW_ONNXRUNTIME", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			t.Env = append(t.Env, name+"="+value)
		}
	}
	return t, nil
}

// trialLimits are the memory that the serving process has for models, a third more than
// bundles/service takes, and thirty times the processor's time that it takes.
func trialLimits() bundle.Limits {
	return bundle.Limits{Memory: int64(memory.Model) + detectorMemory, CPU: 30 * time.Second}
}

// bundleChoice is which bundle the command line asks for.
type bundleChoice struct{ dir, task *string }

func bundleFlags(flags *flag.FlagSet) bundleChoice {
	return bundleChoice{
		flags.String("bundle", "", "folder `DIR` of the bundle; without it, that of SERVEFLOW_BUNDLE"),
		flags.String("task", "", "use bundles/`TASK`, or of several tasks a list with commas; without it, that of SERVEFLOW_TASKS or SERVEFLOW_TASK"),
	}
}

// load reads the settings, lets the command line override them, and loads the bundles.
func (c bundleChoice) load(ctx context.Context) (*Settings, tasks, []leftOut, error) {
	s, err := c.settings()
	if err != nil {
		return nil, nil, nil, err
	}
	all, out, err := loadTasks(ctx, s)
	return s, all, out, err
}

// settings reads the settings and lets the command line override them.
func (c bundleChoice) settings() (*Settings, error) {
	s, err := loadSettings()
	if err != nil {
		return nil, err
	}
	if *c.task != "" {
		s.Tasks = nil
		if list := strings.Split(*c.task, ","); len(list) > 1 {
			s.Tasks = list
		} else {
			s.Task = *c.task
		}
	}
	if *c.dir != "" {
		s.Bundle = *c.dir
	}
	if err := s.validateWithCascade(); err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

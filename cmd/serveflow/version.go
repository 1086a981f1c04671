package main

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/sink"
)

// version prints what this binary is and which schemas it speaks.
func version(_ context.Context, t terminal, args []string) error {
	if err := parse(t, flag.NewFlagSet("version", flag.ContinueOnError), args, false); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "serveflow %s\n%s %s %s\n", release(), bundle.Schema, bundle.FeaturesSchema, sink.Schema)
	return err
}

// release is the module's version, or the commit that it was built from.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return info.Main.Version + " " + setting.Value
		}
	}
	return info.Main.Version
}

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kelseyhightower/envconfig"

	"github.com/serveflow/serveflow/internal/nearest"
)

// settingsTemplate is envconfig's own view of the settings, one line each.
const settingsTemplate = "{{range .}}{{usage_key .}}\t{{usage_default .}}\t{{usage_description .}}\n{{end}}"

func configCommand(_ context.Context, t terminal, args []string) error {
	if err := parse(flag.NewFlagSet("config", flag.ContinueOnError), args, false); err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tDEFAULT\tMEANING")
	if err := describeSettings(w); err != nil {
		return err
	}
	return w.Flush()
}

func describeSettings(w io.Writer) error {
	return envconfig.Usagef(prefix, &Settings{}, w, settingsTemplate)
}

// setting is a line of the table.
type setting struct{ name, preset, meaning string }

func settingsTable() []setting {
	var table strings.Builder
	if err := describeSettings(&table); err != nil {
		panic(err) // the template above does not parse
	}
	var all []setting
	for line := range strings.Lines(table.String()) {
		column := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		all = append(all, setting{column[0], column[1], column[2]})
	}
	return all
}

// knownSettings gives the names that the environment may set.
func knownSettings() []string {
	var names []string
	for _, s := range settingsTable() {
		names = append(names, s.name)
	}
	return names
}

// unknownSettings refuses a variable that carries our prefix and sets nothing.
func unknownSettings(environ []string) error {
	known := knownSettings()
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, strings.ToUpper(prefix)+"_") {
			continue
		}
		if best := nearest.To(name, known); best != name {
			return fmt.Errorf("%s is not a setting: did you mean %s? serveflow config lists them all", name, best)
		}
	}
	return nil
}

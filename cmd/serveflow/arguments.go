package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"time"
)

// argumentFault is a fault in flags or arguments; the command's help says what it takes.
type argumentFault struct{ error }

// argumentError gives a usage error that names the flag or argument.
func argumentError(format string, args ...any) error {
	return usageError{argumentFault{fmt.Errorf(format, args...)}}
}

// helpAsked is the error of a command that was asked for its help: its flags.
type helpAsked struct{ flags *flag.FlagSet }

func (helpAsked) Error() string { return "help is asked for" }

// parse reads a subcommand's flags; files tells whether it wants file names.
func parse(flags *flag.FlagSet, args []string, files bool) error {
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	switch {
	case files && flags.NArg() == 0:
		return argumentError("name a file, or - for standard input")
	case !files && flags.NArg() > 0:
		return argumentError("%q: no further arguments are taken", flags.Arg(0))
	}
	return nil
}

// parseFlags reads a subcommand's flags, and leaves its arguments to it. Flags may stand
// behind arguments; what follows -- are arguments alone.
func parseFlags(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard) // exitCode says it
	flags.Usage = func() {}
	arguments := []string{"--"}
	for len(args) > 0 {
		err := flags.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			return helpAsked{flags}
		case err != nil:
			return flagFault(flags, err)
		}
		rest := flags.Args()
		if read := len(args) - len(rest); read > 0 && args[read-1] == "--" {
			arguments = append(arguments, rest...)
			break
		}
		if len(rest) == 0 {
			break
		}
		arguments, args = append(arguments, rest[0]), rest[1:]
	}
	return flags.Parse(arguments)
}

// flagFault says in our words what package flag says in its own.
func flagFault(flags *flag.FlagSet, err error) error {
	for _, c := range []struct {
		of  string
		say func(value, name string) error
	}{
		{`^()flag provided but not defined: -(.*)$`, func(_, name string) error {
			return argumentError("no flag --%s: %s", name, takenFlags(flags))
		}},
		{`^()flag needs an argument: -(.*)$`, func(_, name string) error {
			return argumentError("--%s needs a value", name)
		}},
		{`^invalid (?:boolean )?value "(.*)" for (?:flag )?-([^:]*): `, func(value, name string) error {
			return argumentError("--%s %s: choose %s", name, value, wanted(flags.Lookup(name)))
		}},
	} {
		if m := regexp.MustCompile(c.of).FindStringSubmatch(err.Error()); m != nil {
			return c.say(m[1], m[2])
		}
	}
	return argumentError("%w", err)
}

// takenFlags lists the flags that a command takes.
func takenFlags(flags *flag.FlagSet) string {
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
	if len(names) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(names, ", ")
}

// finite reports whether x is a number, and not an infinite one; flags take these words, too.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// wanted says what a flag's value must be.
func wanted(f *flag.Flag) string {
	value, ok := f.Value.(flag.Getter)
	if !ok {
		return "another value"
	}
	switch value.Get().(type) {
	case bool:
		return "true or false"
	case int, int64, uint, uint64:
		return "a whole number"
	case float64:
		return "a number"
	case time.Duration:
		return "a time with its unit, such as 30s"
	}
	return "another value"
}

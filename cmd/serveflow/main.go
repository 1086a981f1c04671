// Command serveflow labels network flows while they are young.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1 // a failure while running
	exitUsage = 2 // bad settings or arguments
)

// usageError is a fault in settings or arguments, found before anything started.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// terminal is what a command may talk to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// command is one subcommand.
type command struct {
	name, args, about string
	run               func(ctx context.Context, t terminal, args []string) error
}

func commands() []command {
	return []command{
		{"run", "[--check] [--rekey TOPIC]", "label the flows of a Kafka topic until told to stop", run},
		{"rekey", "[--check] [TOPIC]", "write the records of an un-keyed topic to one keyed by uid", rekey},
		{"demo", "[--speed N] [--json]", "the main job on an in-process broker, with real packet records", runDemo},
		{"replay", "FILE...", "label the flows of record files without Kafka", replay},
		{"send", "FILE...", "write record files to the input topic, at their recorded pace", send},
		{"ship", "PATH...", "follow Zeek's logs and write their records to the input topic, keyed by uid", shipCommand},
		{"pcap", "FILE...", "turn captures into the records that the Zeek package writes", pcap},
		{"features", "FILE...", "print the feature table that the cascade would see", features},
		{"bundle", "verify DIR", "check a bundle as run would", bundleCommand},
		{"doctor", "[--json]", "look at a running cluster and say what is wrong there", doctorCommand},
		{"config", "", "print every setting with its default and meaning", configCommand},
		{"health", "", "ask a running serveflow whether it is ready", health},
		{"version", "", "print the version", version},
	}
}

func main() {
	// The first signal drains; the second, with the handler gone, ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(dispatch(ctx, terminal{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// dispatch runs the subcommand that args name and gives the exit code.
func dispatch(ctx context.Context, t terminal, args []string) int {
	if len(args) == 0 {
		usage(t.err)
		return exitUsage
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		usage(t.out)
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(c, c.run(ctx, t, args[1:]), t.err)
		}
	}
	fmt.Fprintf(t.err, "serveflow: no command %q: serveflow help lists them\n", args[0])
	return exitUsage
}

func exitCode(c command, err error, stderr io.Writer) int {
	var bad usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &bad):
		fmt.Fprintf(stderr, "serveflow %s: %v\n", c.name, err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "serveflow %s: %v\n", c.name, err)
	return exitFail
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: serveflow COMMAND")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-28s %s\n", c.name+" "+c.args, c.about)
	}
	fmt.Fprintln(w, "Settings come from the environment: serveflow config lists them.")
}

// parse reads a subcommand's flags; files tells whether it wants file names.
func parse(t terminal, flags *flag.FlagSet, args []string, files bool) error {
	if err := parseFlags(t, flags, args); err != nil {
		return err
	}
	switch {
	case files && flags.NArg() == 0:
		return usageError{errors.New("name a file, or - for standard input")}
	case !files && flags.NArg() > 0:
		return usageError{fmt.Errorf("%q: no further arguments are taken", flags.Arg(0))}
	}
	return nil
}

// parseFlags reads a subcommand's flags and leaves its arguments to it.
func parseFlags(t terminal, flags *flag.FlagSet, args []string) error {
	flags.SetOutput(t.err)
	err := flags.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return usageError{err}
	}
	return err
}

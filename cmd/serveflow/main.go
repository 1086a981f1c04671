// Command serveflow labels network flows while they are young.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/serveflow/serveflow/internal/nearest"
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

// reported is an error that the command has written to standard error already.
type reported struct{ error }

func (e reported) Unwrap() error { return e.error }

// terminal is what a command may talk to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
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
		fmt.Fprint(t.err, overview(commands()))
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "--help", "-help", "-h":
		switch {
		case len(rest) == 0:
			return printed(t, overview(commands()))
		case len(rest) == 1, slices.Equal(rest, []string{"bundle", "verify"}):
			name, rest = rest[0], []string{"--help"}
		default:
			fmt.Fprintf(t.err, "serveflow help: %q: one command at a time\n", rest[1])
			return exitUsage
		}
	case "--version", "-version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return exitCode(ctx, t, c, c.run(ctx, t, rest))
		}
	}
	fmt.Fprintf(t.err, "serveflow: no command %q%s: serveflow help lists them\n", name, meant(name))
	return exitUsage
}

// meant asks whether another command was meant, where one is called nearly so.
func meant(name string) string {
	var known []string
	for _, c := range commands() {
		known = append(known, c.name)
	}
	if best := nearest.Like(strings.ToLower(name), known); best != "" {
		return ", did you mean " + best + "?"
	}
	return ""
}

// exitCode says what a command's error means, or prints the help that was asked for.
func exitCode(ctx context.Context, t terminal, c command, err error) int {
	var help helpAsked
	var argument argumentFault
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(t.err, "serveflow %s: stopped before it was done\n", c.name)
		return exitFail
	case errors.As(err, &help):
		return printed(t, c.help(help.flags, settingsRead()[c.name]))
	case errors.As(err, &argument):
		fmt.Fprintf(t.err, "serveflow %s: %v (see serveflow %s --help)\n", c.name, err, c.name)
		return exitUsage
	}
	if !errors.As(err, new(reported)) {
		fmt.Fprintf(t.err, "serveflow %s: %v\n", c.name, err)
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFail
}

// printed writes a text and gives the exit code.
func printed(t terminal, text string) int {
	if _, err := io.WriteString(t.out, text); err != nil {
		fmt.Fprintln(t.err, "serveflow: write the help:", err)
		return exitFail
	}
	return exitOK
}

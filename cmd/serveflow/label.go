package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/workbench/annotate"
)

// labelFlags are what the command was asked for.
type labelFlags struct {
	sources   []string // as --from names them
	from      []labelSource
	macs      []string
	rules     string
	rest      string
	out       string
	unmatched string
	slack     time.Duration
	window    time.Duration
	guesses   bool
}

// labelSource is a source of labels, as --from names it.
type labelSource struct {
	kind annotate.Kind
	file string
}

// labelCommand labels the flows of record files by what other programs say of them.
func labelCommand(ctx context.Context, t terminal, args []string) error {
	var asked labelFlags
	flags := flag.NewFlagSet("label", flag.ContinueOnError)
	flags.Func("from", "a source of labels, `KIND:FILE`; may be repeated, the first one holds. Kinds: "+kindNames()+"; - is standard input", func(text string) error {
		asked.sources = append(asked.sources, text)
		return nil
	})
	flags.Func("macs", "a `FILE` that says whose a flow is, for lists of devices by MAC: dhcp.log, or conn.log with orig_l2_addr; may be repeated", func(file string) error {
		asked.macs = append(asked.macs, file)
		return nil
	})
	flags.StringVar(&asked.rules, "map", "", "a `FILE` of CSV lines PATTERN,LABEL that turns names into labels: the first pattern that fits holds, * stands for any text; what fits none gives no label")
	flags.StringVar(&asked.rest, "rest", "", "the `LABEL` of flows that no source labels, such as benign")
	flags.StringVar(&asked.out, "out", "", "the `FILE` that the labels are written to, instead of standard output")
	flags.StringVar(&asked.unmatched, "unmatched", "", "a `FILE` that each row without effect is written to, with the reason: CSV")
	flags.DurationVar(&asked.slack, "slack", time.Second, "how far a row without a uid may be from its flow in time")
	flags.DurationVar(&asked.window, "dns-window", 10*time.Minute, "how long after a DNS answer a client's flows to the address are named by it")
	flags.BoolVar(&asked.guesses, "guesses", false, "take what nDPI guessed from a port alone, too, where it says so")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if err := asked.check(flags.Args()); err != nil {
		return err
	}
	return asked.label(ctx, t, flags.Args())
}

func kindNames() string {
	var names []string
	for _, kind := range annotate.Kinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

// readLabelSource reads KIND:FILE.
func readLabelSource(text string) (labelSource, error) {
	kind, file, ok := strings.Cut(text, ":")
	if !ok || file == "" {
		return labelSource{}, argumentError("--from %s: write KIND:FILE, such as conn:conn.log", text)
	}
	if !slices.Contains(annotate.Kinds(), annotate.Kind(kind)) {
		return labelSource{}, argumentError("--from %s: %q is no kind of source; it is one of %s", text, kind, kindNames())
	}
	return labelSource{annotate.Kind(kind), file}, nil
}

// check refuses what would only fail once everything was read.
func (a *labelFlags) check(records []string) error {
	if len(a.sources) == 0 && a.rest == "" {
		return argumentError("name a source of labels: --from KIND:FILE")
	}
	for _, text := range a.sources {
		source, err := readLabelSource(text)
		if err != nil {
			return err
		}
		a.from = append(a.from, source)
	}
	if a.rest != "" {
		if err := annotate.CheckLabel(a.rest); err != nil {
			return argumentError("--rest: %w", err)
		}
	}
	if a.unmatched == "-" {
		return argumentError("--unmatched -: name a file")
	}
	if a.slack < 0 {
		return argumentError("--slack %v: choose 0s or more", a.slack)
	}
	if a.window < 0 {
		return argumentError("--dns-window %v: choose 0s or more", a.window)
	}
	files := append(append([]string(nil), records...), a.macs...)
	for _, source := range a.from {
		files = append(files, source.file)
	}
	inputs := 0
	for _, file := range files {
		if file == "-" {
			inputs++
		} else if file == a.out || file == a.unmatched {
			return argumentError("%s is read and would be written: name another file", file)
		}
	}
	if inputs > 1 {
		return argumentError("- is named %d times: standard input can be read once", inputs)
	}
	return present(files)
}

// label does the work.
func (a *labelFlags) label(ctx context.Context, t terminal, records []string) error {
	rules, err := a.readRules(t)
	if err != nil {
		return err
	}
	out, err := writable(a.out, t.out)
	if err != nil {
		return err
	}
	unmatched, err := newMissFile(a.unmatched)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	j := &labelJob{t: t, asked: a, table: annotate.NewTable(), say: labelReport{t.err}}
	err = j.run(ctx, annotate.Options{Rules: rules, Slack: a.slack, Window: a.window, Guesses: a.guesses, Miss: unmatched.write}, records, out)
	return errors.Join(err, unmatched.close(), out.Close())
}

func (a *labelFlags) readRules(t terminal) (*annotate.Rules, error) {
	if a.rules == "" {
		return nil, nil
	}
	in, err := open(t, a.rules, logfile.Open)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	rules, err := annotate.ReadRules(in)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", a.rules, err)}
	}
	return rules, nil
}

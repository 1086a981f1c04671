package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/workbench/annotate"
)

// labelOptions are what the command was asked for.
type labelOptions struct {
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
	splits    bool
}

// labelSource is a source of labels, as --from names it.
type labelSource struct {
	kind annotate.Kind
	file string
}

// labelCommand labels the flows of record files by what other programs say of them.
func labelCommand(ctx context.Context, t terminal, args []string) error {
	var asked labelOptions
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
	flags.StringVar(&asked.rest, "rest", "", "the `LABEL` of flows of which no source says anything, such as benign")
	flags.StringVar(&asked.out, "out", "", "the `FILE` that the labels are written to, instead of standard output")
	flags.StringVar(&asked.unmatched, "unmatched", "", "a `FILE` that each row without effect is written to, with the reason: CSV")
	flags.DurationVar(&asked.slack, "slack", time.Second, "how far a row without a uid may be from its flow in time")
	flags.DurationVar(&asked.window, "dns-window", 10*time.Minute, "how long after a DNS answer a client's flows to the address are named by it")
	flags.BoolVar(&asked.guesses, "guesses", false, "take what nDPI guessed from a port alone, too, where it says so")
	flags.BoolVar(&asked.splits, "splits", false, "a column split, too, with the name of the flow's file up to its first dot; training knows train, calib and test")
	if err := parse(flags, args, true); err != nil {
		return err
	}
	if err := asked.check(flags.Args()); err != nil {
		return err
	}
	return asked.label(ctx, t, flags.Args())
}

// label does the work.
func (a *labelOptions) label(ctx context.Context, t terminal, records []string) error {
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

func (a *labelOptions) readRules(t terminal) (*annotate.Rules, error) {
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

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
	"github.com/serveflow/serveflow/internal/preflight"
)

// labelsOptions are the flags of serveflow labels.
type labelsOptions struct {
	filter    labels.Filter
	json      bool
	beginning bool
	count     int
	task      string
}

// showLabels follows the label topic and shows the labels that pass the filter.
func showLabels(ctx context.Context, t terminal, args []string) error {
	o, err := parseLabelsOptions(args)
	if err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	s.setFor(cmp.Or(o.task, s.names()[0]))
	s.retask(s.Task)
	if err := s.validate(); err != nil {
		return usageError{err}
	}
	log := s.logger()
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	topics := map[string]string{s.LabelTopic: "SERVEFLOW_LABEL_TOPIC"}
	err = preflight.New(preflight.Config{Cluster: cluster, Topics: topics, Timeout: s.StartTimeout}).Run(ctx)
	show := &labelScreen{t: t, options: o}
	if err == nil {
		fmt.Fprintf(t.err, "labels of task %s in topic %s, %s\n", s.Task, s.LabelTopic, o.whence())
		err = labels.NewFollower(cluster, s.LabelTopic, o.beginning, log).Run(ctx, show.take)
	}
	if ctx.Err() != nil { // told to stop, perhaps while it waited for the brokers
		return show.err
	}
	return errors.Join(err, show.err)
}

func parseLabelsOptions(args []string) (o labelsOptions, err error) {
	flags := flag.NewFlagSet("labels", flag.ContinueOnError)
	names := flags.String("label", "", "only these `LABELS`, with commas between them")
	hosts := flags.String("host", "", "only flows of which one side is in these `HOSTS`: addresses and networks such as 10.0.0.0/8, with commas between them")
	stages := flags.String("stage", "", "only labels of these `STAGES`")
	reasons := flags.String("reason", "", "only labels with these `REASONS`, such as degraded,breaker")
	from := flags.String("from", "end", "`WHERE` to begin: end shows labels that are written from now on, beginning all that the topic holds")
	flags.IntVar(&o.count, "count", 0, "end after `N` labels; 0: go on until it is told to stop")
	flags.BoolVar(&o.json, "json", false, "print the label records as they are, one a line")
	flags.StringVar(&o.task, "task", "", "labels of `TASK`; without it, that of SERVEFLOW_TASK or the first of SERVEFLOW_TASKS")
	if err := parse(flags, args, false); err != nil {
		return o, err
	}
	switch {
	case o.count < 0:
		return o, argumentError("--count %d: choose 0 or more", o.count)
	case *from != "beginning" && *from != "end":
		return o, argumentError("--from %s: choose beginning or end", *from)
	}
	o.beginning = *from == "beginning"
	if o.filter.Hosts, err = labels.ParseHosts(*hosts); err != nil {
		return o, argumentError("--host: %w", err)
	}
	o.filter.Labels, o.filter.Stages, o.filter.Reasons = labels.Split(*names), labels.Split(*stages), labels.Split(*reasons)
	return o, nil
}

// whence says which labels come, for people who wait for the first one.
func (o *labelsOptions) whence() string {
	if o.beginning {
		return "from the beginning"
	}
	return "those that are written from now on (--from beginning shows all)"
}

// labelScreen prints labels. The follower gives it one message at a time.
type labelScreen struct {
	t       terminal
	options labelsOptions
	shown   int
	err     error // of standard output
}

// take prints one message if the filter lets it pass; more is false after the last.
func (s *labelScreen) take(m kafka.Message) (more bool) {
	r, err := labels.Parse(m.Value)
	if err != nil {
		fmt.Fprintf(s.t.err, "%s/%d, offset %d: %v\n", m.Topic, m.Partition, m.Offset, err)
		return true
	}
	if !s.options.filter.Match(r) {
		return true
	}
	line := strings.TrimSuffix(string(m.Value), "\n")
	if !s.options.json {
		line = r.Line()
		if s.shown == 0 {
			line = labels.Header() + "\n" + line
		}
	}
	s.shown++
	if _, err := fmt.Fprintln(s.t.out, line); err != nil {
		s.err = fmt.Errorf("write labels: %w", err)
		return false
	}
	return s.shown != s.options.count
}

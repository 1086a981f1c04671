package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/serveflow/serveflow/cmd/serveflow/demo"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/decompress"
	"github.com/serveflow/serveflow/sink/producer"
)

// demoOptions are the demo's flags.
type demoOptions struct {
	records, truth, dir string
	speed               float64
	json                bool
}

// runDemo runs the main job on an in-process broker: records in at their recorded
// pace, labels out, beside a second group that asks the slow model alone.
func runDemo(ctx context.Context, t terminal, args []string) error {
	var o demoOptions
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	from := bundleFlags(flags)
	flags.StringVar(&o.records, "records", filepath.Join("testdata", "records", "lab.jsonl.zst"), "record `FILE` to replay")
	flags.StringVar(&o.truth, "labels", filepath.Join("testdata", "captures", "lab.labels.csv"), "`FILE` with the known labels of its flows")
	flags.StringVar(&o.dir, "dir", ".demo", "folder `DIR` for the broker's data and the labels file; emptied first")
	flags.Float64Var(&o.speed, "speed", 1, "pace, `N` times that of the records")
	flags.BoolVar(&o.json, "json", false, "print the summary as one JSON object on the last line")
	if err := parse(flags, args, false); err != nil {
		return err
	}
	if !finite(o.speed) || o.speed <= 0 {
		return argumentError("--speed %g: choose a number above 0", o.speed)
	}
	s, all, _, err := from.load(ctx)
	if err != nil {
		return err
	}
	for _, of := range append([]*Settings{s}, all.settings()...) {
		of.Topic, of.DeadLetterTopic, of.LatestTopic = "serveflow.packets", "serveflow.packets.dlq", "" // its broker has no compacted topic
	}
	if err := differ(append(s.inputTopics(), all.topics()...)); err != nil {
		return err
	}
	d := &demonstration{options: o, settings: s, tasks: all, t: t}
	return d.run(ctx)
}

// demonstration is one run of the demo.
type demonstration struct {
	options  demoOptions
	settings *Settings
	tasks    tasks
	t        terminal
	lines    [][]byte
	flows    int
	truth    demo.Truth
}

// slowOnlyTopic is for the labels of a task's slow model alone.
func slowOnlyTopic(task string) string { return "serveflow.labels." + task + ".slow_only" }

func (d *demonstration) run(ctx context.Context) error {
	err := d.read(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; run it in the root of the repository, or name the files with --records and --labels", err)
	case err != nil:
		return err
	}
	topics := []string{d.settings.Topic, d.settings.DeadLetterTopic}
	for _, of := range d.tasks {
		topics = append(topics, of.settings.LabelTopic, slowOnlyTopic(of.spec.Task))
	}
	broker, err := demo.StartBroker(filepath.Join(d.options.dir, "broker"), topics...)
	if err != nil {
		return err
	}
	defer broker.Close()
	d.settings.Brokers = broker.ListenAddrs()
	for _, of := range d.tasks {
		of.settings.Brokers = d.settings.Brokers
	}
	labels, err := os.Create(filepath.Join(d.options.dir, "labels.jsonl"))
	if err != nil {
		return err
	}
	summaries, err := d.play(ctx, labels)
	if err = errors.Join(err, labels.Close()); err != nil {
		return err
	}
	fmt.Fprintf(d.t.out, "\nlabels: %s\n", labels.Name())
	for i, summary := range summaries {
		if d.options.json {
			err = errors.Join(err, json.NewEncoder(d.t.out).Encode(summary))
			continue
		}
		if len(summaries) > 1 {
			fmt.Fprintf(d.t.out, "\ntask %s\n", d.tasks[i].spec.Task)
		}
		err = errors.Join(err, summary.Write(d.t.out))
	}
	return err
}

// read loads the records and the known labels, so that the pace is not disturbed.
func (d *demonstration) read(ctx context.Context) error {
	uids := map[string]bool{}
	var decoder zeek.Decoder
	var rec zeek.Record
	files := logFiles{t: d.t, most: zeek.MaxRecord}
	err := files.each(ctx, []string{d.options.records}, func(line []byte, _ int) error {
		if err := decoder.Decode(line, &rec); err != nil {
			return err
		}
		d.lines = append(d.lines, bytes.Clone(line))
		if rec.Kind == zeek.Packet {
			uids[string(rec.UID)] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.flows = len(uids)
	known, err := open(d.t, d.options.truth, decompress.NewReader)
	if err != nil {
		return err
	}
	defer known.Close()
	if d.truth, err = demo.ReadTruth(known); err != nil {
		return fmt.Errorf("%s: %w", d.options.truth, err)
	}
	return nil
}

// play runs both groups and the player until every flow has both labels of every task. It
// gives a summary for each task.
func (d *demonstration) play(ctx context.Context, labels io.Writer) ([]demo.Summary, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	log := slog.New(slog.DiscardHandler)
	cluster := brokers.Plain("serveflow-demo", d.settings.Brokers...)
	out := producer.New(cluster, 1000, producer.NewMetrics(prometheus.NewRegistry()), log)
	player := demo.NewPlayer(out, d.settings.Topic, d.options.speed)
	screen := demo.NewScreen(d.t.out, d.live(), d.flows)
	var cascaded, slow []*demo.Watcher
	for i, of := range d.tasks {
		show := screen.Show
		if i > 0 {
			show = func(*demo.Label) {} // there is room for one task
		}
		cascaded = append(cascaded, demo.NewWatcher(cluster, of.settings.LabelTopic, player, d.truth, labels, show))
		slow = append(slow, demo.NewWatcher(cluster, slowOnlyTopic(of.spec.Task), player, d.truth, nil, func(*demo.Label) {}))
	}

	var group errgroup.Group
	if err := d.serve(ctx, &group, log); err != nil {
		return nil, err
	}
	group.Go(func() error { return out.Run(ctx) })
	for _, w := range append(slices.Clone(cascaded), slow...) {
		group.Go(func() error { return w.Run(ctx) })
	}
	group.Go(func() error {
		defer stop()
		for _, line := range d.lines {
			if err := player.Play(ctx, line, nil); err != nil {
				return err
			}
		}
		d.await(ctx, append(slices.Clone(cascaded), slow...)...)
		return nil
	})
	err := group.Wait()
	screen.Draw()
	var summaries []demo.Summary
	for i, of := range d.tasks {
		summaries = append(summaries, demo.Summarise(of.spec.Task, d.flows, d.options.speed, cascaded[i].Labels(), slow[i].Labels()))
	}
	return summaries, err
}

// serve starts the two consumer groups: the cascade, and its last stage alone.
func (d *demonstration) serve(ctx context.Context, group *errgroup.Group, log *slog.Logger) error {
	alone := *d.settings
	alone.Group = d.settings.group() + "-slow-only"
	var lasts tasks
	for _, of := range d.tasks {
		own := *of.settings
		own.Group, own.LabelTopic = alone.Group, slowOnlyTopic(of.spec.Task)
		lasts = append(lasts, task{settings: &own, spec: of.spec.Only(of.spec.Stages[len(of.spec.Stages)-1].Name)})
	}
	for _, side := range []struct {
		settings *Settings
		tasks    tasks
	}{{d.settings, d.tasks}, {&alone, lasts}} {
		p, err := newPipeline(side.settings, brokers.Plain(side.settings.ClientID, side.settings.Brokers...), side.tasks, prometheus.NewRegistry(), log)
		if err != nil {
			return err
		}
		group.Go(func() error { return p.run(ctx) })
		for p.ready() != nil && ctx.Err() == nil { // the pace must not start before both listen
			time.Sleep(10 * time.Millisecond)
		}
	}
	return ctx.Err()
}

// await waits until both groups have labelled every flow, at most as long as the
// longest timeout and some.
func (d *demonstration) await(ctx context.Context, watchers ...*demo.Watcher) {
	deadline := time.Now().Add(d.settings.FlowIdle + d.settings.Lateness + 10*time.Second)
	for _, w := range watchers {
		for w.Count() < d.flows && time.Now().Before(deadline) && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (d *demonstration) live() bool {
	out, ok := d.t.out.(*os.File)
	return ok && term.IsTerminal(int(out.Fd()))
}

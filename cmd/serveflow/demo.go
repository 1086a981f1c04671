package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/serveflow/serveflow/cascade"
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
	s, all, err := from.load(ctx)
	switch {
	case err != nil:
		return err
	case len(all) > 1:
		return argumentError("the demo compares one task with its slow model: name one by --task")
	}
	s.Topic, s.DeadLetterTopic, s.LatestTopic = "serveflow.packets", "serveflow.packets.dlq", "" // its broker has no compacted topic
	d := &demonstration{options: o, settings: s, spec: all[0].spec, t: t}
	return d.run(ctx)
}

// demonstration is one run of the demo.
type demonstration struct {
	options  demoOptions
	settings *Settings
	spec     *cascade.Spec
	t        terminal
	lines    [][]byte
	flows    int
	truth    demo.Truth
}

const slowOnlyTopic = "serveflow.labels.slow_only"

func (d *demonstration) run(ctx context.Context) error {
	if err := d.read(ctx); err != nil {
		return err
	}
	broker, err := demo.StartBroker(filepath.Join(d.options.dir, "broker"),
		d.settings.Topic, d.settings.DeadLetterTopic, d.settings.LabelTopic, slowOnlyTopic)
	if err != nil {
		return err
	}
	defer broker.Close()
	d.settings.Brokers = broker.ListenAddrs()
	labels, err := os.Create(filepath.Join(d.options.dir, "labels.jsonl"))
	if err != nil {
		return err
	}
	summary, err := d.play(ctx, labels)
	if err = errors.Join(err, labels.Close()); err != nil {
		return err
	}
	fmt.Fprintf(d.t.out, "\nlabels: %s\n", labels.Name())
	if !d.options.json {
		return summary.Write(d.t.out)
	}
	return json.NewEncoder(d.t.out).Encode(summary)
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

// play runs both groups and the player until every flow has both labels.
func (d *demonstration) play(ctx context.Context, labels io.Writer) (demo.Summary, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	log := slog.New(slog.DiscardHandler)
	cluster := brokers.Plain("serveflow-demo", d.settings.Brokers...)
	out := producer.New(cluster, 1000, producer.NewMetrics(prometheus.NewRegistry()), log)
	player := demo.NewPlayer(out, d.settings.Topic, d.options.speed)
	screen := demo.NewScreen(d.t.out, d.live(), d.flows)
	cascaded := demo.NewWatcher(cluster, d.settings.LabelTopic, player, d.truth, labels, screen.Show)
	slow := demo.NewWatcher(cluster, slowOnlyTopic, player, d.truth, nil, func(*demo.Label) {})

	var group errgroup.Group
	if err := d.serve(ctx, &group, log); err != nil {
		return demo.Summary{}, err
	}
	group.Go(func() error { return out.Run(ctx) })
	group.Go(func() error { return cascaded.Run(ctx) })
	group.Go(func() error { return slow.Run(ctx) })
	group.Go(func() error {
		defer stop()
		for _, line := range d.lines {
			if err := player.Play(ctx, line, nil); err != nil {
				return err
			}
		}
		d.await(ctx, cascaded, slow)
		return nil
	})
	err := group.Wait()
	screen.Draw()
	return demo.Summarise(d.flows, d.options.speed, cascaded.Labels(), slow.Labels()), err
}

// serve starts the two consumer groups: the cascade, and its last stage alone.
func (d *demonstration) serve(ctx context.Context, group *errgroup.Group, log *slog.Logger) error {
	last := d.spec.Stages[len(d.spec.Stages)-1].Name
	alone := *d.settings
	alone.Group, alone.LabelTopic = d.settings.group()+"-slow-only", slowOnlyTopic
	for _, side := range []struct {
		settings *Settings
		spec     *cascade.Spec
	}{{d.settings, d.spec}, {&alone, d.spec.Only(last)}} {
		p, err := newPipeline(side.settings, brokers.Plain(side.settings.ClientID, side.settings.Brokers...), tasks{{settings: side.settings, spec: side.spec}}, prometheus.NewRegistry(), log)
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

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/doctor"
	"github.com/serveflow/serveflow/internal/brokers"
)

// doctorCommand looks at the cluster that the settings name, and says what is
// wrong there. It changes nothing.
func doctorCommand(ctx context.Context, t terminal, args []string) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	choice := bundleFlags(flags)
	asJSON := flags.Bool("json", false, "one JSON object instead of text")
	sample := flags.Int("sample", 20_000, "look at the newest `N` records of the input topic, over all its partitions")
	timeout := flags.Duration("timeout", 30*time.Second, "the longest `TIME` that the whole look may take")
	if err := parse(flags, args, false); err != nil {
		return err
	}
	s, err := choice.settings()
	if err != nil {
		return err
	}
	if s.RekeyFrom != "" {
		s.Topic = s.RekeyTo // as run does
	}
	cluster, err := s.cluster(s.logger())
	if err != nil {
		return err
	}
	e, err := examine(ctx, s)
	if err != nil {
		return err
	}
	cfg := s.doctor(cluster, e.labels, e.purpose, e.needs)
	cfg.Sample, cfg.Timeout = *sample, *timeout
	if err := cfg.Validate(); err != nil {
		return argumentError("%w", err)
	}
	report := doctor.Look(ctx, &cfg, e.broken...)
	if *asJSON {
		out := json.NewEncoder(t.out)
		out.SetEscapeHTML(false)
		err = out.Encode(report)
	} else {
		err = report.WriteText(t.out)
	}
	switch {
	case err != nil:
		return usageError{err} // said nothing is as good as not looked
	case ctx.Err() != nil:
		return usageError{errors.New("stopped before everything was looked at")}
	case !report.Looked:
		return usageError{errors.New("could not look: no broker of SERVEFLOW_BROKERS can be asked")}
	case !report.Well():
		return errors.New(report.Counts())
	}
	return nil
}

// doctor is what the doctor is told of the settings.
func (s *Settings) doctor(cluster *brokers.Cluster, labels []doctor.LabelTopic, purpose group.Purpose, needs doctor.Needs) doctor.Config {
	return doctor.Config{
		Cluster: cluster, Group: s.group(), Purpose: purpose, MixedBundles: s.MixedBundles || s.ReloadEvery > 0,
		Topic: s.Topic, Labels: labels, DeadLetterTopic: s.DeadLetterTopic,
		Lateness: s.Lateness, InFlight: s.FlowMaxAge + s.Lateness + s.DrainTimeout, Needs: needs,
	}
}

// examined is what the doctor has to know of the tasks.
type examined struct {
	labels  []doctor.LabelTopic
	purpose group.Purpose
	needs   doctor.Needs
	broken  []doctor.Finding // bundles that do not load: findings like any other
}

// examine loads the bundle of each task as run does, and says what it wants of the records.
func examine(ctx context.Context, s *Settings) (examined, error) {
	var e examined
	var all tasks
	for _, name := range s.names() {
		own, err := s.forTask(name)
		if err != nil {
			return e, usageError{err}
		}
		digest := ""
		dir := own.bundleDir()
		b, err := loadBundle(ctx, own, dir)
		if err != nil {
			e.broken = append(e.broken, doctor.BundleFault(dir, "SERVEFLOW_BUNDLE", err))
			own.retask(name)
		} else {
			own.retask(b.Manifest.Task)
			digest = b.Digest
			addNeeds(&e.needs, b)
			b.Close()
		}
		e.labels = append(e.labels, doctor.LabelTopic{Topic: own.LabelTopic, Digest: digest})
		all = append(all, task{settings: own, spec: &cascade.Spec{Task: own.Task, Digest: digest}, dir: dir})
		e.addShadow(ctx, own, len(s.names()) > 1)
	}
	e.purpose = all.purpose()
	return e, differ(s.runTopics(all))
}

// addShadow adds what a task's second bundle wants, and where its labels go.
func (e *examined) addShadow(ctx context.Context, own *Settings, several bool) {
	if _, err := os.Stat(own.Shadow); own.Shadow == "" || several && errors.Is(err, os.ErrNotExist) {
		return
	}
	b, err := loadBundle(ctx, own, own.Shadow)
	if err != nil {
		e.broken = append(e.broken, doctor.BundleFault(own.Shadow, "SERVEFLOW_SHADOW", err))
		return
	}
	addNeeds(&e.needs, b)
	b.Close()
	e.labels = append(e.labels, doctor.LabelTopic{Topic: shadowTopic(own.LabelTopic), Digest: b.Digest})
}

// addNeeds adds what a bundle wants of the records.
func addNeeds(needs *doctor.Needs, b *bundle.Bundle) {
	needs.Conns = b.Manifest.Input == bundle.Conn
	for i := range b.Stages {
		stage := &b.Stages[i]
		needs.Depth = max(needs.Depth, stage.Spec.Deepest())
		addSources(needs, stage.Spec.Features)
		for _, side := range []*bundle.Side{stage.Hazard, stage.Novelty} {
			if side != nil {
				addSources(needs, side.Features) // those of the answer are from no record
			}
		}
	}
}

// addSources adds what features are read from.
func addSources(needs *doctor.Needs, features []string) {
	for _, name := range features {
		field, header := source(name)
		if header && !slices.Contains(needs.Header, name) {
			needs.Header = append(needs.Header, name)
		}
		if field != "" && !slices.Contains(needs.Fields, field) {
			needs.Fields = append(needs.Fields, field)
		}
	}
}

// source says what of a packet record a feature is read from: a field, where the
// record's own number can stand in for header bytes, or header bytes alone. What
// only needs the flow and its packets' order has neither.
func source(feature string) (field string, header bool) {
	place, name, ok := strings.Cut(feature, "_")
	if !ok || len(place) < 2 || place[0] != 'p' || strings.Trim(place[1:], "0123456789") != "" {
		if strings.Contains(feature, "payload") {
			return "plen", false
		}
		return "", false
	}
	switch name {
	case "dir", "log_gap":
		return "", false
	case "ip_len":
		return "ip_len", false
	case "payload_len":
		return "plen", false
	case "ip_ttl":
		return "ttl", false
	case "tcp_flags":
		return "flags", false
	case "tcp_window":
		return "win", false
	}
	return "", true
}

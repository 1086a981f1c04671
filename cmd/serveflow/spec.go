package main

import (
	"context"
	"slices"
	"time"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/memo"
)

// loadSpec loads the bundle in a folder, once it is tried out.
func loadSpec(ctx context.Context, s *Settings, dir string) (*cascade.Spec, error) {
	b, err := loadBundle(ctx, s, dir)
	if err != nil {
		return nil, usageError{err}
	}
	return newSpec(b), nil
}

func newSpec(b *bundle.Bundle) *cascade.Spec {
	m := &b.Manifest
	spec := &cascade.Spec{Task: m.Task, Bundle: b.Name(), Digest: b.Digest,
		Conns: m.Input == bundle.Conn, Classes: m.Classes, Protocols: m.ProtocolNumbers(), Drift: b.Drift}
	for i := range b.Stages {
		spec.Stages = append(spec.Stages, newStage(m.Classes, &b.Stages[i], spec.Conns))
	}
	if m.Families != nil {
		spec.FamilyOf = slices.Repeat([]int{-1}, len(m.Classes))
	}
	for i, f := range m.Families {
		family := cascade.Family{Name: f.Name, Classes: places(m.Classes, f.Classes), Threshold: -1}
		if f.Threshold != nil {
			family.Threshold = *f.Threshold
		}
		for _, class := range family.Classes {
			spec.FamilyOf[class] = i
		}
		spec.Families = append(spec.Families, family)
	}
	return spec
}

func newStage(classes []string, s *bundle.Stage, conns bool) cascade.Stage {
	of := &s.Spec
	stage := cascade.Stage{
		Name: of.Name, Depth: of.Depth, MaxDepth: of.MaxDepth, Features: s.Extractor, Width: len(of.Features), Model: remembered(s.Model, s, conns),
		Output: cascade.Output(of.Output), Temperature: of.Temperature,
		Measure: cascade.Measure(of.Uncertainty), Threshold: of.Threshold, GapUncertainty: of.GapUncertainty,
		Slow: s.Slow,
	}
	if of.Thresholds != nil {
		stage.Thresholds = slices.Repeat([]float64{of.Threshold}, len(classes))
	}
	for class, threshold := range of.Thresholds {
		stage.Thresholds[slices.Index(classes, class)] = threshold
	}
	for _, p := range of.Patience {
		stage.Patience = append(stage.Patience, cascade.Patience{Classes: places(classes, p.Classes), Packets: p.Packets,
			Wait: time.Duration(p.MS * float64(time.Millisecond))})
	}
	if s.Hazard != nil {
		stage.Hazard = &cascade.Hazard{Model: newSide(s.Hazard, remembered(s.Hazard.Model, s, conns)), Below: of.Hazard.Below}
	}
	switch n := of.Novelty; {
	case s.Novelty != nil:
		stage.Novelty = &cascade.Novelty{Model: newSide(s.Novelty, remembered(s.Novelty.Model, s, conns)), Above: n.Above}
	case n != nil:
		stage.Novelty = &cascade.Novelty{Class: slices.Index(classes, n.Class), Above: n.Above}
	}
	return stage
}

// remembered is a model that is not asked again about a row of late, if it looks at first packets
// alone. With more packets, or the times of a connection, few rows come again.
func remembered(model bundle.Model, s *bundle.Stage, conns bool) cascade.Model {
	if conns || s.Slow || s.Spec.Deepest() > 1 {
		return model
	}
	return memo.New(model)
}

func newSide(s *bundle.Side, model cascade.Model) *cascade.Side {
	side := &cascade.Side{Name: s.Name, Model: model, Features: s.Extractor, Columns: s.Columns, Width: len(s.Features)}
	for _, of := range s.Answer {
		side.Answer = append(side.Answer, cascade.AnswerFeature{Column: of.Column, Of: of.Of})
	}
	return side
}

// places are those of the names in the list; nil for nil.
func places(list, names []string) []int {
	if names == nil {
		return nil
	}
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = slices.Index(list, name)
	}
	return at
}

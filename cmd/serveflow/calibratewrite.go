package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/page"
)

// curve is what is told of a choice.
func (b *bench) curve(asked string, target calibrate.Target, choice *calibrate.Choice, families bool) page.Curve {
	c := page.Curve{Bundle: b.spec.Bundle, Version: b.spec.Bundle, Asked: asked, Target: target, Choice: choice, Flows: len(b.flows.All), Of: len(b.flows.Captures()), ByFamily: families}
	if !bytes.HasSuffix([]byte(c.Version), []byte(calibrate.Suffix)) {
		c.Version += calibrate.Suffix
	}
	before := calibrate.RulesOf(b.spec)
	for i := range b.spec.Stages {
		s := &b.spec.Stages[i]
		last := i == len(b.spec.Stages)-1 && s.MaxDepth <= s.Depth
		c.Stages = append(c.Stages, page.Changed{Name: s.Name, Before: page.Rules(before.Stages[i], b.spec.Classes, last),
			After: page.Rules(choice.Rules.Stages[i], b.spec.Classes, last)})
	}
	for i := range before.Families {
		if !families {
			break // they are as they were
		}
		c.Families = append(c.Families, page.Changed{Name: b.spec.Families[i].Name, Before: page.FamilyRule(before.Families[i]),
			After: page.FamilyRule(choice.Rules.Families[i])})
	}
	return c
}

// write writes the new bundle, with what is told of it.
func (b *bench) write(out string, c page.Curve) error {
	var drawn bytes.Buffer
	if err := page.WriteCurve(&drawn, c); err != nil {
		return err
	}
	told, err := json.MarshalIndent(struct {
		Schema   string            `json:"schema"`
		Target   string            `json:"target"`
		Families bool              `json:"families"` // whether each class counted as its family
		Of       string            `json:"bundle"`
		Digest   string            `json:"bundle_digest"`
		Flows    int               `json:"flows"`
		Choice   *calibrate.Choice `json:"choice"`
	}{"serveflow.calibrated/1", c.Asked, c.ByFamily, b.spec.Bundle, b.spec.Digest, c.Flows, c.Choice}, "", " ")
	if err != nil {
		return err
	}
	added := calibrate.Added{Files: map[string][]byte{"calibrated.json": append(told, '\n'), "calibrated.html": drawn.Bytes()}, Note: b.note(c)}
	if err := calibrate.Write(b.dir, out, b.spec, c.Choice.Rules, added); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// note is what the model card says of a calibration.
func (b *bench) note(c page.Curve) string {
	families := ""
	if c.ByFamily {
		families = " Each class counted as its family."
	}
	return fmt.Sprintf("## Calibrated anew\n\nFor the target `%s`, with %s whose label is known, of %s.%s The rules of the stages are other ones than those told of below, "+
		"and the figures below are those of the bundle before, %s (digest %.12s). `calibrated.json` and `calibrated.html` have the rules and figures of this one.\n",
		c.Asked, counted(c.Flows, "flow"), counted(c.Of, "capture"), families, b.spec.Bundle, b.spec.Digest)
}

// verifyWritten checks the new bundle as run would.
func verifyWritten(ctx context.Context, dir string) error {
	trial, err := newTrial()
	if err != nil {
		return err
	}
	if report, err := trial.Verify(ctx, dir); err != nil {
		return fmt.Errorf("the new bundle fails a check behind %q: %w", slices.Concat([]string{""}, report)[len(report)], err)
	}
	return nil
}

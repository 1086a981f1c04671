package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/serveflow/serveflow/cascade"
)

// shadowTopic is where the labels of the shadow go whose main bundle's go to a topic.
func shadowTopic(labels string) string { return labels + ".shadow" }

// loadShadows loads the second bundle of each task, if the settings name one. Of several tasks,
// those without a folder have none.
func loadShadows(ctx context.Context, s *Settings, all tasks) error {
	if s.Shadow == "" {
		return nil
	}
	for i := range all {
		t := &all[i]
		if _, err := os.Stat(t.settings.Shadow); errors.Is(err, os.ErrNotExist) && len(all) > 1 {
			slog.Warn("this task has no shadow: its folder is not there", "task", t.spec.Task, "folder", t.settings.Shadow)
			continue
		}
		if err := t.loadShadow(ctx); err != nil {
			return usageError{fmt.Errorf("SERVEFLOW_SHADOW: %w", err)}
		}
	}
	if len(all.shadows()) == 0 {
		return usageError{fmt.Errorf("SERVEFLOW_SHADOW=%s: no task has a bundle there: write %s where the task's name belongs, or empty it", s.Shadow, taskPlace)}
	}
	return nil
}

// loadShadow loads the task's second bundle.
func (t *task) loadShadow(ctx context.Context) error {
	own := *t.settings
	own.LabelTopic, own.LatestTopic = shadowTopic(own.LabelTopic), ""
	spec, err := loadSpec(ctx, &own, own.Shadow)
	if err != nil {
		return err
	}
	if err := t.fitsShadow(spec); err != nil {
		return errors.Join(err, spec.Close())
	}
	t.shadow = &task{settings: &own, spec: spec, dir: own.Shadow}
	return nil
}

// fitsShadow says why a bundle cannot be the task's shadow.
func (t *task) fitsShadow(spec *cascade.Spec) error {
	switch {
	case spec.Task != t.spec.Task:
		return fmt.Errorf("bundle %s: manifest.json: task: it is %q, and that of the main bundle %s is %q: name a bundle of that task", t.settings.Shadow, spec.Task, t.dir, t.spec.Task)
	case spec.Conns != t.spec.Conns:
		return fmt.Errorf("bundle %s: manifest.json: input: it is %q, and that of the main bundle %s is %q: name a bundle that reads those", t.settings.Shadow, input(spec), t.dir, input(t.spec))
	}
	return nil
}

// shadows are the second bundles of those tasks that have one, as tasks with settings of their own.
func (all tasks) shadows() (of tasks) {
	for _, t := range all {
		if t.shadow != nil {
			of = append(of, *t.shadow)
		}
	}
	return of
}

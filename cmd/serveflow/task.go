package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer/group"
)

// task is one question that is asked about every flow.
type task struct {
	settings *Settings // as they are for this task alone
	spec     *cascade.Spec
	dir      string // its bundle's folder
	shadow   *task  // a second bundle, whose labels are compared with the first one's; nil: none
}

// tasks are those that share one pass over the flows.
type tasks []task

// leftOut is a task that is not served because its bundle does not load.
type leftOut struct {
	task string
	why  error
}

// taskPlace stands for the task's name in a setting that names a topic.
const taskPlace = "<task>"

// settings are those of each task.
func (all tasks) settings() (of []*Settings) {
	for _, t := range all {
		of = append(of, t.settings)
	}
	return of
}

// names are the tasks that the settings name.
func (s *Settings) names() []string {
	if len(s.Tasks) == 0 {
		return []string{s.Task}
	}
	var names []string
	for _, name := range s.Tasks {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

// forTask gives the settings as they are for one of the tasks. What is set for one task
// alone cannot be set for several.
func (s *Settings) forTask(name string) (*Settings, error) {
	if len(s.Tasks) < 2 {
		s.setFor(name)
		return s, nil
	}
	if name == "" {
		return nil, fmt.Errorf("SERVEFLOW_TASKS=%s has an entry without a name: take it out", strings.Join(s.Tasks, ","))
	}
	for _, set := range []struct{ name, value string }{{"SERVEFLOW_BUNDLE", s.Bundle}, {"SERVEFLOW_SHADOW", s.Shadow}, {"SERVEFLOW_LABEL_TOPIC", s.LabelTopic}, {"SERVEFLOW_LATEST_TOPIC", s.LatestTopic}} {
		if set.value != "" && !strings.Contains(set.value, taskPlace) {
			return nil, fmt.Errorf("%s=%s cannot be that of each of the tasks %s: write %s where the task's name belongs", set.name, set.value, strings.Join(s.Tasks, ","), taskPlace)
		}
	}
	own := *s
	own.Tasks = nil
	own.setFor(name)
	return &own, nil
}

// setFor sets the task, and puts its name where the settings have a place for it. Where the
// label topic is not set, it waits for retask: only the bundle tells what task that is.
func (s *Settings) setFor(name string) {
	s.Task = name
	settings := []*string{&s.Bundle, &s.Shadow, &s.LatestTopic}
	if s.LabelTopic != labelTopic(taskPlace) {
		settings = append(settings, &s.LabelTopic)
	}
	for _, setting := range settings {
		*setting = strings.ReplaceAll(*setting, taskPlace, name)
	}
}

// loadTasks loads the bundle of each task, whose own task is the one that is asked. One that
// does not load is an error, or is left out where the settings say so.
func loadTasks(ctx context.Context, s *Settings) (all tasks, out []leftOut, err error) {
	var faults []error
	for _, name := range s.names() {
		own, err := s.forTask(name)
		if err != nil {
			return nil, nil, usageError{err}
		}
		dir := own.bundleDir()
		err = own.noTask(dir)
		var spec *cascade.Spec
		if err == nil {
			spec, err = loadSpec(ctx, own, dir)
		}
		switch {
		case err == nil:
			own.retask(spec.Task)
			all = append(all, task{settings: own, spec: spec, dir: dir})
		case s.SkipBrokenTasks && len(s.names()) > 1:
			slog.Error("this task is left out", "task", name, "err", err)
			out = append(out, leftOut{task: name, why: err})
			fallthrough
		default:
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 && (!s.SkipBrokenTasks || len(all) == 0) {
		return nil, nil, usageError{errors.Join(faults...)}
	}
	return all, out, all.validate()
}

// validate refuses tasks that cannot share one pass.
func (all tasks) validate() error {
	for i, t := range all {
		for _, other := range all[:i] {
			if t.spec.Task == other.spec.Task {
				return usageError{fmt.Errorf("SERVEFLOW_TASKS: the bundles %s and %s are both of the task %s", other.dir, t.dir, t.spec.Task)}
			}
			if t.spec.Conns != other.spec.Conns {
				return usageError{fmt.Errorf("SERVEFLOW_TASKS: %s reads packet records and %s records of conn.log: run them as two processes, each with its own SERVEFLOW_TOPIC",
					all.reading(false).spec.Bundle, all.reading(true).spec.Bundle)}
			}
		}
	}
	return nil
}

// reading is the first task that reads conn.log, or packets.
func (all tasks) reading(conns bool) task {
	return all[slices.IndexFunc(all, func(t task) bool { return t.spec.Conns == conns })]
}

// depth is how many packets of a flow the tasks and their shadows look at, at most, and want
// how many the first decision needs.
func (all tasks) depth() (depth, want int) {
	want = all[0].spec.Stages[0].Depth
	for _, t := range slices.Concat(all, all.shadows()) {
		depth, want = max(depth, t.spec.Depth()), min(want, t.spec.Stages[0].Depth)
	}
	return depth, want
}

// opens is how many packets of a flow the tasks themselves look at, at most: a flow whose first
// packets do not come may begin with one of these.
func (all tasks) opens() (depth int) {
	for _, t := range all {
		depth = max(depth, t.spec.Depth())
	}
	return depth
}

// purpose is what the tasks make of the records.
func (all tasks) purpose() group.Purpose {
	return group.Purpose{Task: all.joined(func(t task) string { return t.spec.Task }),
		Output: all.joined(func(t task) string { return t.settings.LabelTopic }), Bundle: all.joined(func(t task) string { return t.spec.Digest })}
}

// joined is what of tells of each task, in order of the tasks' names and with commas
// between.
func (all tasks) joined(of func(task) string) string {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b task) int { return strings.Compare(a.spec.Task, b.spec.Task) })
	var told []string
	for _, t := range sorted {
		told = append(told, of(t))
	}
	return strings.Join(told, ",")
}

// metrics registers the metrics of the task's cascade, which all say whose they are.
func (t task) metrics(reg prometheus.Registerer, log *slog.Logger) *cascade.Metrics {
	return cascade.NewMetrics(t.registerer(reg), log.With("task", t.spec.Task))
}

// shadowMetrics registers those of the cascade of the task's second bundle.
func (t task) shadowMetrics(reg prometheus.Registerer, log *slog.Logger) *cascade.Metrics {
	return cascade.NewShadowMetrics(t.registerer(reg), log.With("task", t.spec.Task, "shadow", true))
}

// registerer has metrics say whose they are.
func (t task) registerer(reg prometheus.Registerer) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"task": t.spec.Task}, reg)
}

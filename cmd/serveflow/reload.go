package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/reload"
)

// reloading serves other bundles that come to lie in the tasks' folders.
type reloading struct {
	watcher *reload.Watcher
	ask     <-chan os.Signal // looks at once
}

// newReloading builds it for a pipeline of the same tasks.
func newReloading(s *Settings, all tasks, p *pipeline, reg prometheus.Registerer, log *slog.Logger, ask <-chan os.Signal) reloading {
	var folders []reload.Folder
	for i, r := range replacements(all, p) {
		name := r.task.spec.Task
		if i >= len(all) {
			name += ".shadow"
		}
		folders = append(folders, reload.Folder{Task: name, Dir: r.task.dir, Digest: r.task.spec.Digest, Load: r.load})
	}
	return reloading{reload.New(folders, s.ReloadEvery, reload.NewMetrics(reg), log), ask}
}

func (r reloading) run(ctx context.Context) error { return r.watcher.Run(ctx, r.ask) }

// ready is always nil: where a new bundle is refused, the one before it serves on.
func (r reloading) ready() error { return nil }

// replacement puts other bundles in the place of a task's first one.
type replacement struct {
	task        task // as it began
	slot        *cascade.Slot
	build       builder
	depth, want int // packets of a flow that a bundle here may look at, and that its first decision waits for
}

// replacements are those of the tasks, and then of their shadows. A shadow may look at all packets
// that the flow tables keep. A main bundle may look at those alone that may begin a flow: of one
// that looks deeper, flows whose first packets are missing would have no label.
func replacements(all tasks, p *pipeline) (of []*replacement) {
	keeps, want := all.depth()
	for i, t := range slices.Concat(all, all.shadows()) {
		depth := keeps
		if i < len(all) {
			depth = all.opens()
		}
		of = append(of, &replacement{task: t, slot: p.cascades[i], build: p.builders[i], depth: depth, want: want})
	}
	return of
}

// load serves the bundle in the task's folder, which had the digest. At most two bundles of a
// task are in memory: while flows still need the one before that which is served, a third
// waits. reload.Folder says what the results are.
func (r *replacement) load(ctx context.Context, digest string) (string, error) {
	if r.slot.Restore(digest) {
		return digest, nil
	}
	if r.slot.Held() > 1 {
		return "", fmt.Errorf("flows that began with the bundle before the one that is served are not decided yet, or a call of its model has not returned (if it never does, restart): %w", reload.ErrLater)
	}
	spec, err := loadSpec(ctx, r.task.settings, r.task.dir)
	if err != nil {
		return "", err
	}
	if err := r.fits(spec); err != nil {
		return "", errors.Join(err, spec.Close())
	}
	if err := r.slot.Swap(ctx, r.build(spec)); err != nil {
		return "", err
	}
	return spec.Digest, nil
}

// fits says why a bundle cannot take the place of the one that the process began with.
func (r *replacement) fits(spec *cascade.Spec) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("bundle %s: manifest.json: %s", r.task.dir, fmt.Sprintf(format, args...))
	}
	first := spec.Stages[0]
	switch began := r.task.spec; {
	case spec.Task != began.Task:
		return refuse("task: it is %q, and this folder's is %q: put a bundle of that task there, or restart", spec.Task, began.Task)
	case spec.Conns != began.Conns:
		return refuse("input: it is %q, and this process reads %q: put a bundle that reads those there, or restart", input(spec), input(began))
	case spec.Depth() > r.depth:
		return refuse("depth: its stages look at %d packets, and one in this folder may look at %d of a flow since the process started: restart", spec.Depth(), r.depth)
	case first.Depth < r.want:
		return refuse("depth: its stage %s looks at %d packets, and this process waits for %d of a flow since its start: restart", first.Name, first.Depth, r.want)
	}
	return nil
}

// input is the manifest's word for what the flows of a bundle are made of.
func input(spec *cascade.Spec) string {
	if spec.Conns {
		return bundle.Conn
	}
	return bundle.Packets
}

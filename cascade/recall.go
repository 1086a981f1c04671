package cascade

import (
	"context"
	"slices"
	"time"
)

// Written gives the flows that have a final label of the task which was written after a time.
type Written func(ctx context.Context, since time.Time) (Labelled, error)

// Labelled is a set of flows.
type Labelled interface {
	Has(uid string) bool
	Len() int
}

// shortDigest is how many letters of a digest tell bundles apart.
const shortDigest = 12

// short is the beginning of the bundle's digest.
func (c *Cascade) short() string { return c.spec.Digest[:min(shortDigest, len(c.spec.Digest))] }

// Bundles names the bundles of all tasks that flows are labelled by now, each by the
// beginning of its digest; not those of shadows.
func (t Tasks) Bundles() (all []string) {
	for _, s := range t {
		if s.shadow != nil {
			continue
		}
		s.mu.Lock()
		for _, c := range s.held {
			all = append(all, c.short())
		}
		s.mu.Unlock()
	}
	return all
}

// Recall learns which flows have labels already, if they may be by other bundles than those
// that new flows begin with: bundles names those that may have labelled flows, since a time,
// whose records come again. Such a flow is not labelled again: its new label would have
// another id. Labels by the same bundle are written again with the id that they have.
func (d *Decider) Recall(ctx context.Context, bundles []string, since time.Time) error {
	var current []string
	for i := range d.tasks {
		if s := d.tasks[i].slot; s.shadow == nil {
			current = append(current, s.current.Load().short())
		}
	}
	if !slices.ContainsFunc(bundles, func(name string) bool { return !slices.Contains(current, name) }) {
		return nil
	}
	for i := range d.tasks {
		of := &d.tasks[i]
		if of.slot.written == nil {
			continue
		}
		labelled, err := of.slot.written(ctx, since)
		if err != nil {
			return err
		}
		of.labelled = labelled
		of.slot.metrics.log.Info("another bundle may have labelled flows that are read again: those with a label get no second one", "labels", labelled.Len(), "bundles", bundles, "since", since)
	}
	return nil
}

// Adopt has new flows of each task begin with the cascade that its slot holds now, and not with a
// later one, if its bundle is among these, named as by Bundles. It reports whether new flows
// of every task can begin with any. Without a call of Adopt they begin with whichever the slot holds.
func (d *Decider) Adopt(bundles []string) bool {
	all := true
	for i := range d.tasks {
		all = d.tasks[i].adopt(bundles) && all
	}
	return all
}

// isLabelled reports whether the flow had a label before this decider began.
func (d *decider) isLabelled(uid string) bool { return d.labelled != nil && d.labelled.Has(uid) }

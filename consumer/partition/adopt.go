package partition

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/internal/backoff"
)

// adopt has new flows begin with the bundles that are held now, once a commit names them: after a
// crash whoever reads the partition next, by whatever bundle, then knows that there may be labels
// of theirs. Until then new flows begin with the bundles of before. It reports false where
// there are none yet.
func (p *Partition) adopt(ctx context.Context) (bool, error) {
	if p.cfg.Bundles == nil || p.deps.Labeller == nil {
		return true, nil
	}
	held := p.cfg.Bundles()
	gone := func(name string) bool { return !slices.Contains(held, name) } // it must be named again when it comes back
	p.announced, p.asked = slices.DeleteFunc(slices.Clone(p.announced), gone), slices.DeleteFunc(slices.Clone(p.asked), gone)
	if !offset.Covers(p.announced, held) {
		if !offset.Covers(p.deps.Committer.Named(p.id), held) {
			p.announce(held)
			return p.adopted, nil
		}
		p.announced = held
	}
	if err := p.recall(ctx, held); err != nil {
		return false, err
	}
	p.adopted = p.deps.Labeller.Adopt(p.announced)
	if p.adopted {
		p.announcing = time.Time{}
	}
	return p.adopted, nil
}

// announce asks for a commit that names these bundles, once: each later checkpoint names them too.
func (p *Partition) announce(bundles []string) {
	if !offset.Covers(p.asked, bundles) {
		p.asked = bundles
		p.deps.Committer.Advance(p.id, p.checkpoint())
	}
}

// waitForCommit waits a moment for the commit without which nothing is read, because new flows
// have no bundle to begin with.
func (p *Partition) waitForCommit(ctx context.Context) {
	if p.announcing.IsZero() {
		p.announcing = time.Now()
	}
	if time.Since(p.announcing) >= longestAnnounce {
		p.deps.Report(p.id, fmt.Errorf("consumer: %s/%d is not read: its flows begin once a commit names the bundles that label them, and none has succeeded yet", p.cfg.Topic, p.id))
	}
	backoff.Wait(announcePause).Sleep(ctx)
}

// recall has the labels looked up of flows that may have been labelled already, by the reader
// before this one: at first, and where the bundles change before the partition has come past
// the end that it had then.
func (p *Partition) recall(ctx context.Context, held []string) error {
	if p.recalled != nil && (offset.Covers(p.recalled, held) || !p.writers.UpToEnd(p.deps.InFlight.Next())) {
		return nil
	}
	if len(p.earlier) > 0 {
		if err := p.deps.Labeller.Recall(ctx, slices.Concat(p.earlier, p.recalled), p.since); err != nil {
			return fmt.Errorf("consumer: look for labels of %s/%d by other bundles: %w", p.cfg.Topic, p.id, err)
		}
	}
	p.recalled = held
	return nil
}

package offset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/brokers"
)

// failingFor is how long commits may fail before the member calls itself not ready: a
// rebalance makes some fail.
const failingFor = 3 * time.Second

// CommitterConfig is what a Committer is built with.
type CommitterConfig struct {
	Topic string
	Group string // names the group in errors
	// Start is the offset from which each partition of the generation is read.
	Start map[int]int64
	// Every is the time between two commits.
	Every time.Duration
	// Commit writes checkpoints, by partition, in the name of the generation.
	Commit func(ctx context.Context, at map[int]Checkpoint) error
	// Report is told why commits have failed for a while, and nil when one succeeds.
	Report   func(error)
	Failures prometheus.Counter // failed commits
	Log      *slog.Logger
}

// Committer commits the checkpoints of one generation's partitions. Only the goroutine
// of Run and Last commits, and the generation does not end before that goroutine does:
// so nothing is committed for a partition that has gone to another member. The broker
// refuses such a commit too, because it names the generation.
type Committer struct {
	cfg CommitterConfig

	soon chan struct{} // a commit must not wait for the next tick

	mu        sync.Mutex
	pending   map[int]Checkpoint // by partition: to be committed
	committed map[int]Checkpoint // by partition: what the broker has
}

// NewCommitter builds a committer of one generation.
func NewCommitter(cfg CommitterConfig) *Committer {
	c := &Committer{cfg: cfg, soon: make(chan struct{}, 1), pending: map[int]Checkpoint{}, committed: map[int]Checkpoint{}}
	for partition, low := range cfg.Start {
		c.committed[partition] = Checkpoint{Low: low}
	}
	return c
}

// Advance notes how far a partition has come. A low watermark that lies behind an
// earlier one is ignored. It never waits for a commit that is under way. One that names a bundle
// for the first time is committed at once, because nothing is labelled by that bundle before.
func (c *Committer) Advance(partition int, at Checkpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	committed, pending := c.committed[partition], c.pending[partition]
	if at == committed || at.Low < max(committed.Low, pending.Low) {
		return
	}
	c.pending[partition] = at
	if names := bundlesOf(at); !Covers(bundlesOf(committed), names) && !Covers(bundlesOf(pending), names) {
		select {
		case c.soon <- struct{}{}:
		default: // it is asked for already
		}
	}
}

// Named are the bundles that the last commit of a partition in this generation names.
func (c *Committer) Named(partition int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bundlesOf(c.committed[partition])
}

func bundlesOf(at Checkpoint) []string {
	bundles, _ := at.writers()
	return bundles
}

// flush commits what has advanced. After a failure the next flush tries again.
func (c *Committer) flush(ctx context.Context) error {
	c.mu.Lock()
	pending := maps.Clone(c.pending)
	c.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	if err := c.cfg.Commit(ctx, pending); err != nil {
		c.cfg.Failures.Inc()
		return brokers.Explain(err, fmt.Sprintf("commit %d partitions of %s", len(pending), c.cfg.Topic), c.cfg.Topic, c.cfg.Group)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.committed, pending)
	maps.DeleteFunc(c.pending, func(partition int, at Checkpoint) bool { return at == pending[partition] })
	return nil
}

// Last commits what has advanced at the end of a generation. Often the generation ended
// because connections broke, and then the first attempt fails on one of them: so it
// tries twice, but waits for an answer only once.
func (c *Committer) Last(ctx context.Context) error {
	err := c.flush(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		err = c.flush(ctx)
	}
	return err
}

// Run commits now and then until ctx is done.
func (c *Committer) Run(ctx context.Context) {
	tick := time.NewTicker(c.cfg.Every)
	defer tick.Stop()
	var since time.Time // when the first of a row of failures began; zero: none failed
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.soon:
		}
		began := time.Now()
		// A commit that is under way when the generation ends is not broken off: the
		// broker may have taken it, and the last commit must not overtake it.
		err := c.flush(context.WithoutCancel(ctx))
		if err == nil {
			since = time.Time{}
			c.cfg.Report(nil)
			continue
		}
		c.cfg.Log.Warn("offsets not committed, will try again", "err", err)
		if since.IsZero() {
			since = began
		}
		if time.Since(since) >= failingFor {
			c.cfg.Report(fmt.Errorf("%w; what is read meanwhile is not committed, and read again after a restart", err))
		}
	}
}

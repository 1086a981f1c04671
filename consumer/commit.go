package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// committer commits the low watermarks of one generation. A partition's commit
// and the check that it is still ours share one lock, so that nothing is
// committed once revoke has returned.
type committer struct {
	topic  string
	commit func(map[string]map[int]int64) error // Generation.CommitOffsets
	log    *slog.Logger
	m      *partitionMetrics

	mu        sync.Mutex
	revoked   bool
	low       map[int]int64 // by partition: to be committed
	committed map[int]int64 // by partition: what the broker has
}

func newCommitter(topic string, start map[int]int64, commit func(map[string]map[int]int64) error, m *partitionMetrics, log *slog.Logger) *committer {
	return &committer{topic: topic, commit: commit, m: m, log: log,
		low: map[int]int64{}, committed: maps.Clone(start)}
}

// advance notes a partition's low watermark; one that lies back is ignored.
func (c *committer) advance(partition int, low int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if low > c.committed[partition] && low > c.low[partition] {
		c.low[partition] = low
	}
}

// flush commits what has advanced. A failure is kept for the next flush.
func (c *committer) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revoked || len(c.low) == 0 {
		return nil
	}
	if err := c.commit(map[string]map[int]int64{c.topic: c.low}); err != nil {
		c.m.commitFailures.Inc()
		return fmt.Errorf("consumer: commit %s %v: %w", c.topic, c.low, err)
	}
	maps.Copy(c.committed, c.low)
	clear(c.low)
	return nil
}

// revoke ends all commits: the partitions may belong to another member from now on.
func (c *committer) revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked = true
}

// commitPatience is how long commits may fail until we call ourselves not ready: a
// rebalance has some fail.
const commitPatience = 3 * time.Second

// run flushes now and then until ctx is done, and tells why commits have failed for
// a while, or nil when they succeed again.
func (c *committer) run(ctx context.Context, every time.Duration, tell func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var since time.Time // when the first of a row of failures began
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		err := c.flush()
		if err == nil {
			since = time.Time{}
			tell(nil)
			continue
		}
		c.log.Warn("offsets not committed, will try again", "err", err)
		if since.IsZero() {
			since = began
		}
		if time.Since(since) >= commitPatience {
			tell(fmt.Errorf("%w; labels are written meanwhile, and after a restart written again", err))
		}
	}
}

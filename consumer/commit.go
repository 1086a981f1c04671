package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// committer commits the places of one generation's partitions. A partition's commit
// and the check that it is still ours share one lock, so that nothing is
// committed once revoke has returned.
type committer struct {
	topic  string
	commit func(map[int]place) error
	log    *slog.Logger
	m      *partitionMetrics

	mu        sync.Mutex
	revoked   bool
	places    map[int]place // by partition: to be committed
	committed map[int]place // by partition: what the broker has
}

func newCommitter(topic string, start map[int]int64, commit func(map[int]place) error, m *partitionMetrics, log *slog.Logger) *committer {
	c := &committer{topic: topic, commit: commit, m: m, log: log, places: map[int]place{}, committed: map[int]place{}}
	for partition, low := range start {
		c.committed[partition] = place{low: low}
	}
	return c
}

// advance notes how far a partition has come; a watermark that lies back is ignored.
func (c *committer) advance(partition int, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at != c.committed[partition] && at.low >= max(c.committed[partition].low, c.places[partition].low) {
		c.places[partition] = at
	}
}

// flush commits what has advanced. A failure is kept for the next flush.
func (c *committer) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revoked || len(c.places) == 0 {
		return nil
	}
	if err := c.commit(c.places); err != nil {
		c.m.commitFailures.Inc()
		return fmt.Errorf("consumer: commit %d partitions of %s: %w", len(c.places), c.topic, err)
	}
	maps.Copy(c.committed, c.places)
	clear(c.places)
	return nil
}

// revoke ends all commits: the partitions may belong to another member from now on.
func (c *committer) revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked = true
}

// run flushes now and then until ctx is done.
func (c *committer) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := c.flush(); err != nil {
				c.log.Warn("offsets not committed, will try again", "err", err)
			}
		}
	}
}

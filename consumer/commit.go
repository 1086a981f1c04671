package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// committer commits the places of one generation's partitions. A commit and the
// check that the partitions are still ours share one lock, so that nothing is
// committed once revoke has returned. Another guards the places: a commit that
// nobody answers holds back no partition.
type committer struct {
	topic  string
	commit func(map[int]place) error
	log    *slog.Logger
	m      *partitionMetrics

	committing sync.Mutex
	revoked    bool

	mu        sync.Mutex
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
	c.committing.Lock()
	defer c.committing.Unlock()
	c.mu.Lock()
	places := maps.Clone(c.places)
	c.mu.Unlock()
	if c.revoked || len(places) == 0 {
		return nil
	}
	if err := c.commit(places); err != nil {
		c.m.commitFailures.Inc()
		return fmt.Errorf("consumer: commit %d partitions of %s: %w", len(places), c.topic, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.committed, places)
	maps.DeleteFunc(c.places, func(partition int, at place) bool { return at == places[partition] })
	return nil
}

// last is flush at a generation's end. Often that ended because connections broke:
// then the first attempt fails on one that broke with them.
func (c *committer) last() error {
	err := c.flush()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		err = c.flush()
	}
	return err
}

// revoke ends all commits: the partitions may belong to another member from now on.
func (c *committer) revoke() {
	c.committing.Lock()
	defer c.committing.Unlock()
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

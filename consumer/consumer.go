package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/consumer/fetch"
)

const (
	// heartbeat is how fast a rebalance is seen.
	heartbeat = 500 * time.Millisecond
	// absence is how long a rebalance may take until we call ourselves not ready.
	absence = 3 * time.Second
)

// DeadLetters takes records that could not be decoded. It may block, and gives
// up without acknowledging when ctx is done.
type DeadLetters interface {
	Bury(ctx context.Context, r BadRecord)
}

// Consumer is one member of a consumer group.
type Consumer struct {
	cfg     Config
	intakes func(partitions []int) []intake // of one generation, in the order given
	dead    DeadLetters
	metrics *partitionMetrics
	log     *slog.Logger
	memory  *fetch.Memory
	letters *semaphore.Weighted // bytes of dead letters under way

	mu       sync.Mutex
	problems map[int]error // by partition, or member: why the consumer is not at work
	away     *time.Timer   // runs while there is no generation after the last one; nil: there is one
}

// New builds a consumer of a valid config that rebuilds flows and has them
// decided. newDecider is called once a partition and generation.
func New(cfg Config, newDecider func() Decider, dead DeadLetters, m *Metrics, log *slog.Logger) *Consumer {
	intakes := func(partitions []int) []intake {
		var all []intake
		for _, id := range partitions {
			all = append(all, &labeller{Worker: NewWorker(cfg.share(len(partitions)), cfg.Limits, newDecider(), m), partition: strconv.Itoa(id)})
		}
		return all
	}
	return newConsumer(cfg, intakes, dead, m.partitionMetrics, log)
}

func newConsumer(cfg Config, intakes func([]int) []intake, dead DeadLetters, m *partitionMetrics, log *slog.Logger) *Consumer {
	return &Consumer{cfg: cfg, intakes: intakes, dead: dead, metrics: m, log: log,
		memory: fetch.NewMemory(), letters: semaphore.NewWeighted(maxLetters),
		problems: map[int]error{member: errors.New("has not joined its group yet")}}
}

const (
	// member stands in for a partition where the whole member has a problem.
	member = -1
	// commits likewise, where its offsets cannot be committed.
	commits = -2
)

// reasons is how many reasons not to be ready are told, at most.
const reasons = 3

// Ready says in words why the consumer is not at work, each reason once; nil if it is.
func (c *Consumer) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []error
	for _, of := range slices.Sorted(maps.Keys(c.problems)) {
		err := c.problems[of]
		told := slices.ContainsFunc(all, func(other error) bool { return other.Error() == err.Error() })
		if !told && len(all) < reasons {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// problem notes why a partition is not being read; nil if it is.
func (c *Consumer) problem(partition int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.problems, partition)
	} else {
		c.problems[partition] = err
	}
}

// Run consumes until ctx is done: it then hands back what is unfinished, commits
// and leaves the group.
func (c *Consumer) Run(ctx context.Context) error {
	client, done := c.cfg.Cluster.Client()
	defer done()
	group, err := newMembership(&c.cfg, client, c.log)
	if err != nil {
		return err
	}
	defer group.close()
	at := offsets{client, c.cfg.Group, c.cfg.Topic, done}
	for {
		gen, err := group.next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return nil
		case err != nil:
			err = c.outside(err)
			c.problem(member, err)
			c.log.Warn("cannot join the group, will try again", "group", c.cfg.Group, "err", err)
		default:
			c.start(gen, at)
		}
	}
}

// joined notes that the member has partitions. Why one of them could not be read
// holds until it is.
func (c *Consumer) joined(partitions []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away != nil {
		c.away.Stop()
	}
	c.away = nil
	maps.DeleteFunc(c.problems, func(of int, _ error) bool { return !slices.Contains(partitions, of) })
}

// left notes that a generation is over. That is no reason not to be ready, unless
// the next one does not come.
func (c *Consumer) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var away *time.Timer
	away = time.AfterFunc(absence, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.away == away && c.problems[member] == nil {
			c.problems[member] = fmt.Errorf("consumer: out of group %s for %v, and joining again: does its coordinator answer?", c.cfg.Group, absence)
		}
	})
	c.away = away
}

// start gives each partition of a generation its goroutine. A worker that
// returned early would end the generation, so each stays until it is over.
func (c *Consumer) start(gen *kafka.Generation, at offsets) {
	assigned := gen.Assignments[c.cfg.Topic]
	c.log.Info("generation began", "group", c.cfg.Group, "generation", gen.ID, "partitions", len(assigned))
	c.metrics.assigned.Set(float64(len(assigned)))
	start := map[int]int64{}
	var ids []int
	for _, a := range assigned {
		start[a.ID] = a.Offset
		ids = append(ids, a.ID)
	}
	c.joined(ids)
	gen.Start(func(ctx context.Context) {
		<-ctx.Done()
		c.left()
	})
	intakes := c.intakes(ids)
	commit := func(places map[int]place) error { return at.commit(gen, places) }
	committer := newCommitter(c.cfg.Topic, start, commit, c.metrics, c.log)
	var workers sync.WaitGroup
	for i, a := range assigned {
		workers.Add(1)
		gen.Start(func(ctx context.Context) {
			defer workers.Done()
			p := newPartition(c, a.ID, at, intakes[i], committer)
			p.pins.most = c.cfg.pinShare(len(assigned))
			p.run(ctx)
			<-ctx.Done()
		})
	}
	gen.Start(func(ctx context.Context) {
		committer.run(ctx, c.cfg.CommitEvery, func(err error) { c.problem(commits, err) })
		workers.Wait() // they have brought their low watermarks up to date
		if err := committer.last(); err != nil {
			c.log.Warn("last offsets not committed: their records will be read again", "err", err)
		}
		committer.revoke()
	})
}

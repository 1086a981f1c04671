package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/consumer/fetch"
)

// heartbeat is how fast a rebalance is seen.
const heartbeat = 500 * time.Millisecond

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
}

// New builds a consumer of a valid config that rebuilds flows and has them
// decided. newDecider is called once a partition and generation.
func New(cfg Config, newDecider func() Decider, dead DeadLetters, m *Metrics, log *slog.Logger) *Consumer {
	intakes := func(partitions []int) []intake {
		var all []intake
		for _, id := range partitions {
			all = append(all, labeller{NewWorker(cfg.share(len(partitions)), cfg.Limits, newDecider(), m), strconv.Itoa(id)})
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

// member stands in for a partition where the whole member has a problem.
const member = -1

// Ready says in words why the consumer is not at work; nil if it is.
func (c *Consumer) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.problems {
		return err
	}
	return nil
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
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: c.cfg.Group, Brokers: c.cfg.Cluster.Addrs(), Topics: []string{c.cfg.Topic},
		Dialer:            c.cfg.Cluster.Dialer(),
		HeartbeatInterval: heartbeat, SessionTimeout: c.cfg.SessionTimeout, RebalanceTimeout: c.cfg.SessionTimeout,
		WatchPartitionChanges: true, JoinGroupBackoff: time.Second, StartOffset: kafka.FirstOffset,
		ErrorLogger: kafka.LoggerFunc(func(msg string, args ...any) { c.log.Warn(fmt.Sprintf(msg, args...)) }),
	})
	if err != nil {
		return fmt.Errorf("consumer: group %s: %w", c.cfg.Group, err)
	}
	defer group.Close()
	client, done := c.cfg.Cluster.Client()
	defer done()
	at := offsets{client, c.cfg.Group, c.cfg.Topic}
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return nil
		case err != nil:
			c.problem(member, fmt.Errorf("cannot join group %s: %w", c.cfg.Group, err))
			c.log.Warn("cannot join the group, will try again", "group", c.cfg.Group, "err", err)
		default:
			c.start(gen, at)
		}
	}
}

// start gives each partition of a generation its goroutine. A worker that
// returned early would end the generation, so each stays until it is over.
func (c *Consumer) start(gen *kafka.Generation, at offsets) {
	assigned := gen.Assignments[c.cfg.Topic]
	c.log.Info("generation began", "group", c.cfg.Group, "generation", gen.ID, "partitions", len(assigned))
	c.metrics.assigned.Set(float64(len(assigned)))
	c.mu.Lock()
	clear(c.problems)
	c.mu.Unlock()
	start := map[int]int64{}
	var ids []int
	for _, a := range assigned {
		start[a.ID] = a.Offset
		ids = append(ids, a.ID)
	}
	intakes := c.intakes(ids)
	commit := func(places map[int]place) error { return at.commit(gen, places) }
	commits := newCommitter(c.cfg.Topic, start, commit, c.metrics, c.log)
	var workers sync.WaitGroup
	for i, a := range assigned {
		workers.Add(1)
		gen.Start(func(ctx context.Context) {
			defer workers.Done()
			newPartition(c, a.ID, at, intakes[i], commits).run(ctx)
			<-ctx.Done()
		})
	}
	gen.Start(func(ctx context.Context) {
		commits.run(ctx, c.cfg.CommitEvery)
		workers.Wait() // they have brought their low watermarks up to date
		if err := commits.flush(); err != nil {
			c.log.Warn("last offsets not committed: their records will be read again", "err", err)
		}
		commits.revoke()
	})
}

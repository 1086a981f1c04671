package consumer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/consumer/backlog"
	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/consumer/partition"
	"github.com/serveflow/serveflow/consumer/rekey"
	"github.com/serveflow/serveflow/internal/brokers"
)

// Consumer is one member of a consumer group.
type Consumer struct {
	cfg      Config
	handlers func(partitions []int) []handler // of one generation, in the order given
	dead     partition.DeadLetters
	metrics  groupMetrics
	log      *slog.Logger
	memory   *fetch.Memory
	health   *health
	backlog  *backlog.Backlog
}

// handler takes the records of one partition in one generation.
type handler struct {
	takes    partition.Handler
	labels   partition.Labeller // nil if there are no bundles
	released func()             // called when the partition is no longer read
}

// New builds a consumer of a valid config that rebuilds flows and has them decided.
// newDecider is called once a partition and generation. Where the decider is a Labeller, it is
// told of labels that it did not write, and which bundles it may use.
func New(cfg Config, newDecider func() assembler.Decider, dead partition.DeadLetters, m *Metrics, log *slog.Logger) *Consumer {
	c := newConsumer(cfg, dead, m.group, log)
	c.handlers = func(partitions []int) (all []handler) {
		for _, id := range partitions {
			d := newDecider()
			a := assembler.New(cfg.flowShare(len(partitions)), cfg.Limits, id, d, m.flows)
			h := handler{takes: a, released: func() { a.Close(); m.flows.Forget(id) }}
			h.labels, _ = d.(partition.Labeller)
			all = append(all, h)
		}
		return all
	}
	return c
}

// NewRekey builds a consumer of a valid config that hands on records as they are with
// their uid as key. Of Flow only Lateness is used: the partitions of a member are merged
// in record time, so that flow tables bear the disorder that is left.
func NewRekey(cfg Config, out rekey.Forwarder, dead partition.DeadLetters, m *RekeyMetrics, log *slog.Logger) *Consumer {
	cfg.ReadBack = 0 // there are no finished flows to learn
	cfg.FetchBytes = min(cfg.FetchBytes, rekeyFetchBytes)
	c := newConsumer(cfg, dead, m.group, log)
	c.handlers = func(partitions []int) (all []handler) {
		merge := rekey.Config{Topic: cfg.Topic, Lateness: cfg.Flow.Rules.Lateness, Limits: cfg.Limits}
		for _, r := range rekey.New(merge, partitions, out, m.records, log) {
			all = append(all, handler{takes: r, released: func() {}})
		}
		return all
	}
	return c
}

// rekeyFetchBytes bounds the bytes, compressed, that a partition fetches at once when
// rekeying: they wait in memory for their turn, and are committed when all are handed on.
const rekeyFetchBytes = 256 << 10

func newConsumer(cfg Config, dead partition.DeadLetters, m groupMetrics, log *slog.Logger) *Consumer {
	return &Consumer{cfg: cfg, dead: dead, metrics: m, log: log, memory: fetch.NewMemory(),
		health: newHealth(cfg.Group, cfg.SessionTimeout), backlog: backlog.New(m.backlog)}
}

// Ready says in words why the consumer is not at work; nil if it is.
func (c *Consumer) Ready() error { return c.health.ready() }

// CatchingUp reports whether the member works off what was written while nobody read, and
// gains on it.
func (c *Consumer) CatchingUp() bool { return c.backlog.CatchingUp() }

// Run consumes until ctx is done: it then hands back what is unfinished, commits and
// leaves the group.
func (c *Consumer) Run(ctx context.Context) error {
	client, closeIdle := c.cfg.Cluster.Client()
	defer closeIdle()
	member, err := group.Join(group.Config{Cluster: c.cfg.Cluster, Group: c.cfg.Group, Topic: c.cfg.Topic,
		SessionTimeout: c.cfg.SessionTimeout, Purpose: c.cfg.Purpose,
		MixedBundles: c.cfg.MixedBundles, Reloads: c.cfg.Reloads, Reached: c.health.reached}, client, c.log)
	if err != nil {
		return err
	}
	defer c.health.stop()
	defer member.Close()
	store := offset.NewStore(client, closeIdle, c.cfg.Group, c.cfg.Topic)
	var refused time.Time // since when the other members' purpose is another one; zero: it is not
	for {
		gen, err := member.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return nil
		case errors.Is(err, kafka.InconsistentGroupProtocol):
			// Members that were killed stay in the group for a session, so it is given that long.
			if refused.IsZero() {
				refused = time.Now()
			}
			err = member.Refused(ctx, err)
			if time.Since(refused) > c.cfg.SessionTimeout {
				return err
			}
			c.health.report(wholeMember, err)
			c.log.Warn("not let into the group, will try again for a while", "err", err)
		case err != nil:
			err = brokers.Explain(err, "join group "+c.cfg.Group, c.cfg.Topic, c.cfg.Group)
			c.health.report(wholeMember, err)
			c.log.Warn("cannot join the group, will try again", "group", c.cfg.Group, "err", err)
		default:
			refused = time.Time{}
			c.start(gen, client, store)
		}
	}
}

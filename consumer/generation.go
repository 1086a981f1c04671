package consumer

import (
	"context"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/consumer/partition"
)

// start gives each partition of a generation its goroutine, and one more to the commits.
// The order at the end: ctx is done; the partitions let go, each with its last
// checkpoint; then the last commit; then kafka-go joins again. A function that returned
// early would end the generation, so each stays until the generation is over.
func (c *Consumer) start(gen *kafka.Generation, client *kafka.Client, store *offset.Store) {
	assigned := gen.Assignments[c.cfg.Topic]
	c.log.Info("generation began", "group", c.cfg.Group, "generation", gen.ID, "partitions", len(assigned))
	c.metrics.assigned.Set(float64(len(assigned)))
	begin := map[int]int64{}
	var ids []int
	for _, a := range assigned {
		begin[a.ID] = a.Offset
		ids = append(ids, a.ID)
	}
	c.health.joined(ids)
	gen.Start(func(ctx context.Context) {
		<-ctx.Done()
		c.health.left()
	})
	committer := offset.NewCommitter(offset.CommitterConfig{Topic: c.cfg.Topic, Group: c.cfg.Group, Start: begin, Every: c.cfg.CommitEvery,
		Commit: func(ctx context.Context, at map[int]offset.Checkpoint) error { return store.Commit(ctx, gen, at) },
		Report: func(err error) { c.health.report(commitProblem, err) }, Failures: c.metrics.commitFailures, Log: c.log})
	var reading sync.WaitGroup
	cfg, handlers := c.cfg.partition(), c.handlers(ids)
	for i, id := range ids {
		p := partition.New(cfg, id, partition.Dependencies{Client: client, Checkpoints: store, Committer: committer,
			Handler: handlers[i].takes, Labeller: handlers[i].labels, InFlight: offset.NewInFlight(c.cfg.pinShare(len(ids))), DeadLetters: c.dead,
			Memory: c.memory, Metrics: c.metrics.partitions, Backlog: c.backlog, Report: c.health.report, Log: c.log})
		reading.Add(1)
		gen.Start(func(ctx context.Context) {
			defer reading.Done()
			p.Run(ctx)
			handlers[i].released()
			<-ctx.Done()
		})
	}
	gen.Start(func(ctx context.Context) {
		committer.Run(ctx)
		reading.Wait()
		// The generation is over, but the group waits for us to say so: this commit is still
		// in its name.
		if err := committer.Last(context.WithoutCancel(ctx)); err != nil {
			c.log.Warn("last offsets not committed: their records will be read again", "err", err)
		}
	})
}

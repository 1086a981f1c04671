// Package preflight says what a command lacks in Kafka before it starts. It waits a while
// until a broker answers, with the topics that the command reads and writes.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Config is what a command needs before it can go to work.
type Config struct {
	Cluster *brokers.Cluster
	Topics  map[string]string // each with the setting that names it
	// Compacted is the topic that must be compacted, where it is among Topics.
	Compacted string
	// Uncompacted is the topic that must not be, where it is among Topics: its records
	// have no keys.
	Uncompacted string
	Timeout     time.Duration // how long to wait
}

// Check looks whether all is there.
type Check struct {
	cfg Config

	mu    sync.Mutex
	fault error // what is missing; nil once all is there
}

// New builds a check, which looks at nothing yet.
func New(cfg Config) *Check {
	return &Check{cfg: cfg, fault: errors.New("has not looked for its topics yet")}
}

// Ready says in words what is missing; nil once all is there.
func (c *Check) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// Run waits, for a while, until all is there. Its error says what is missing and how
// to mend it.
func (c *Check) Run(ctx context.Context) error {
	deadline := time.Now().Add(c.cfg.Timeout)
	for {
		err := c.lookUp(ctx)
		c.mu.Lock()
		c.fault = err
		c.mu.Unlock()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (c *Check) lookUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, done := c.cfg.Cluster.Client()
	defer done()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: slices.Sorted(maps.Keys(c.cfg.Topics))})
	var fault *brokers.Fault
	switch {
	case errors.As(err, &fault):
		return fault
	case err != nil:
		return fmt.Errorf("no broker of SERVEFLOW_BROKERS=%s answers: start one, or name others: %w", strings.Join(c.cfg.Cluster.Addrs(), ","), err)
	}
	for _, topic := range meta.Topics {
		switch {
		case errors.Is(topic.Error, kafka.UnknownTopicOrPartition):
			return fmt.Errorf("topic %s is missing: create it, or name another by %s", topic.Name, c.cfg.Topics[topic.Name])
		case errors.Is(topic.Error, kafka.TopicAuthorizationFailed):
			return fmt.Errorf("not allowed to see topic %s: grant this client DESCRIBE and READ or WRITE on it, or name another by %s", topic.Name, c.cfg.Topics[topic.Name])
		}
	}
	return c.policies(ctx, client)
}

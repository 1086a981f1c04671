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

const (
	interval      = 500 * time.Millisecond // between two looks
	lookUpTimeout = 5 * time.Second
)

// Config says what a command needs before it can start.
type Config struct {
	Cluster *brokers.Cluster
	Topics  map[string]string // the setting that names each topic, by topic
	// Compacted must be compacted, those that are among Topics.
	Compacted []string
	// Uncompacted must not be compacted if it is one of Topics: its records have no keys.
	Uncompacted string
	Timeout     time.Duration // how long Run waits
}

// Check is one command's check. It is safe for concurrent use.
type Check struct {
	cfg Config

	mu    sync.Mutex
	fault error // what is missing; nil if nothing is
}

// New builds a check. Run looks for the topics.
func New(cfg Config) *Check {
	return &Check{cfg: cfg, fault: errors.New("has not looked for its topics yet")}
}

// Ready returns what is missing; nil once Run has found everything.
func (c *Check) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// Run waits until everything is there, but not longer than Timeout or until ctx is done. Its
// error says what is missing and what to do about it.
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
		case <-time.After(interval):
		}
	}
}

// lookUp looks once, and returns the first thing that is missing.
func (c *Check) lookUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
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

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// preflight is what must be there before a command goes to work: a broker that
// answers and has the topics that are read and written.
type preflight struct {
	cluster  *brokers.Cluster
	topics   map[string]string // each with the setting that names it
	patience time.Duration
}

func newPreflight(s *Settings, cluster *brokers.Cluster, topics map[string]string) *preflight {
	return &preflight{cluster: cluster, topics: topics, patience: s.StartTimeout}
}

// run waits, for a while, until all is there. Its error says what is missing and how
// to mend it.
func (p *preflight) run(ctx context.Context) error {
	deadline := time.Now().Add(p.patience)
	for {
		err := p.lookUp(ctx)
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

func (p *preflight) lookUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, done := p.cluster.Client()
	defer done()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: slices.Sorted(maps.Keys(p.topics))})
	if err != nil {
		return fmt.Errorf("no broker of SERVEFLOW_BROKERS=%s answers: start one, or name others: %w", strings.Join(p.cluster.Addrs(), ","), err)
	}
	for _, topic := range meta.Topics {
		switch {
		case errors.Is(topic.Error, kafka.UnknownTopicOrPartition):
			return fmt.Errorf("topic %s is missing: create it, or name another by %s", topic.Name, p.topics[topic.Name])
		case errors.Is(topic.Error, kafka.TopicAuthorizationFailed):
			return fmt.Errorf("not allowed to see topic %s: grant this client DESCRIBE and READ or WRITE on it, or name another by %s", topic.Name, p.topics[topic.Name])
		}
	}
	return nil
}

package main

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

// preflight is what must be there before a command goes to work: a broker that
// answers and has the topics that are read and written.
type preflight struct {
	cluster  *brokers.Cluster
	topics   map[string]string // each with the setting that names it
	latest   string            // the one of them that must be compacted; may be none
	dead     string            // the one that must not be
	patience time.Duration

	mu    sync.Mutex
	fault error // what is missing; nil once all is there
}

func newPreflight(s *Settings, cluster *brokers.Cluster, topics map[string]string) *preflight {
	return &preflight{cluster: cluster, topics: topics, latest: s.LatestTopic, dead: s.DeadLetterTopic, patience: s.StartTimeout, fault: errors.New("has not looked for its topics yet")}
}

// ready says in words what is missing; nil once all is there.
func (p *preflight) ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// run waits, for a while, until all is there. Its error says what is missing and how
// to mend it.
func (p *preflight) run(ctx context.Context) error {
	deadline := time.Now().Add(p.patience)
	for {
		err := p.lookUp(ctx)
		p.mu.Lock()
		p.fault = err
		p.mu.Unlock()
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
	var fault *brokers.Fault
	switch {
	case errors.As(err, &fault):
		return fault
	case err != nil:
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
	return p.policies(ctx, client)
}

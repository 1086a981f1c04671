package kafkatest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go"
)

// Cluster is an Apache Kafka of several nodes, each broker and controller. It works
// while more than half of the nodes run. Its methods fail the test when they cannot do
// their work.
type Cluster struct {
	// Brokers are the nodes, in order of their IDs, which start at 1. Each may be
	// killed, stopped, paused and restarted by itself.
	Brokers []*Broker

	t        testing.TB
	replicas int
}

// StartCluster starts n brokers and waits until all serve. The topics that CreateTopic
// makes, and the topic of committed offsets, have min(n, 3) replicas, of which two must
// be in sync. options returns the options of each node; it may be nil. Without Java or
// Kafka's jars the test is skipped, as by Start.
func StartCluster(t testing.TB, n int, options func(id int) Options) *Cluster {
	t.Helper()
	c := &Cluster{t: t, replicas: min(n, 3)}
	given := make([]Options, n)
	var voters []string
	for i := range n {
		if options != nil {
			given[i] = options(i + 1)
		}
		b := newBroker(t, i+1, given[i])
		c.Brokers, voters = append(c.Brokers, b), append(voters, b.voter())
	}
	var formatting sync.WaitGroup
	for i, b := range c.Brokers {
		formatting.Go(func() {
			b.format(node{voters: strings.Join(voters, ","), replicas: c.replicas, inSync: min(c.replicas, 2)}, given[i])
		})
	}
	formatting.Wait()
	for _, b := range c.Brokers {
		b.launch() // no broker serves before more than half of them run
	}
	for _, b := range c.Brokers {
		b.await()
	}
	c.AwaitInSync()
	return c
}

// Addrs returns all brokers' addresses for clients, host:port.
func (c *Cluster) Addrs() []string {
	var all []string
	for _, b := range c.Brokers {
		all = append(all, b.Addr)
	}
	return all
}

// Addr returns the address for clients, host:port, of a broker that runs.
func (c *Cluster) Addr() string {
	for _, b := range c.Brokers {
		if b.process.Running() {
			return b.Addr
		}
	}
	c.t.Fatal("kafkatest: no broker of the cluster is running")
	return ""
}

// CreateTopic creates a replicated topic and waits until it can be written.
func (c *Cluster) CreateTopic(topic string, partitions int, configs map[string]string) {
	c.t.Helper()
	createTopic(c.t, c.Addr(), topic, partitions, c.replicas, configs)
}

// AwaitInSync waits until all brokers are registered and all replicas are in sync. An
// operator waits for the same before the next broker of a rolling restart.
func (c *Cluster) AwaitInSync() {
	c.t.Helper()
	err := withClient(c.Addr(), func(ctx context.Context, client *kafka.Client) error {
		return retry(ctx, func() error {
			meta, err := client.Metadata(ctx, &kafka.MetadataRequest{})
			if err != nil {
				return err
			}
			if len(meta.Brokers) < len(c.Brokers) {
				return fmt.Errorf("%d of %d brokers are registered", len(meta.Brokers), len(c.Brokers))
			}
			return inSync(meta.Topics)
		})
	})
	if err != nil {
		c.t.Fatalf("kafkatest: wait for replicas: %v", err)
	}
}

func inSync(topics []kafka.Topic) error {
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			if len(p.Isr) < len(p.Replicas) {
				return fmt.Errorf("%d of %d replicas of %s/%d are in sync", len(p.Isr), len(p.Replicas), topic.Name, p.ID)
			}
		}
	}
	return nil
}

// MoveLeaders moves the leadership of every partition of a topic to another broker.
func (c *Cluster) MoveLeaders(topic string) {
	c.t.Helper()
	err := withClient(c.Addr(), func(ctx context.Context, client *kafka.Client) error {
		before, err := topicMetadata(ctx, client, topic)
		if err != nil {
			return err
		}
		if err := preferOthers(ctx, client, before); err != nil {
			return err
		}
		return retry(ctx, func() error {
			if err := elect(ctx, client, before); err != nil {
				return err
			}
			return moved(ctx, client, before)
		})
	})
	if err != nil {
		c.t.Fatalf("kafkatest: move the leaders of %s: %v", topic, err)
	}
}

// preferOthers makes the replica after each leader the preferred one.
func preferOthers(ctx context.Context, client *kafka.Client, topic kafka.Topic) error {
	var order []kafka.AlterPartitionReassignmentsRequestAssignment
	for _, p := range topic.Partitions {
		var replicas []int
		for i := range p.Replicas {
			replicas = append(replicas, p.Replicas[(i+1)%len(p.Replicas)].ID)
		}
		if replicas[0] == p.Leader.ID {
			replicas[0], replicas[1] = replicas[1], replicas[0]
		}
		order = append(order, kafka.AlterPartitionReassignmentsRequestAssignment{PartitionID: p.ID, BrokerIDs: replicas})
	}
	res, err := client.AlterPartitionReassignments(ctx, &kafka.AlterPartitionReassignmentsRequest{Topic: topic.Name, Assignments: order, Timeout: requestTimeout})
	if err == nil {
		err = res.Error
	}
	return err
}

// elect asks for the preferred leaders. It does nothing for a partition whose preferred one is
// not in sync at that moment, as happens on a machine that has much to do.
func elect(ctx context.Context, client *kafka.Client, topic kafka.Topic) error {
	var ids []int
	for _, p := range topic.Partitions {
		ids = append(ids, p.ID)
	}
	elected, err := client.ElectLeaders(ctx, &kafka.ElectLeadersRequest{Topic: topic.Name, Partitions: ids, Timeout: requestTimeout})
	if err == nil {
		err = elected.Error
	}
	return err
}

// moved returns an error that names a partition whose leader is still the old one.
func moved(ctx context.Context, client *kafka.Client, before kafka.Topic) error {
	now, err := topicMetadata(ctx, client, before.Name)
	if err != nil {
		return err
	}
	led := map[int]int{}
	for _, p := range now.Partitions {
		led[p.ID] = p.Leader.ID
	}
	for _, p := range before.Partitions {
		if led[p.ID] == p.Leader.ID {
			return fmt.Errorf("broker %d still leads partition %d", p.Leader.ID, p.ID)
		}
	}
	return nil
}

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// setup is what a scene is made of; zero values are as the comments say.
type setup struct {
	brokers    []string            // where the bench itself reads and writes
	through    []string            // where members find the brokers; empty: likewise
	partitions int                 // of the input topic and of the labels; 0: 12
	later      int                 // partitions that grow gives the input topic
	replicas   int                 // 0: 1
	settings   []string            // of every member, "SERVEFLOW_X=y"
	configs    []kafka.ConfigEntry // of the topics
	// foreign tells uids that a row sends by itself, whose labels are not looked at.
	foreign func(uid string) bool
}

// scene is one row's topics and group, its members, its traffic and its verifier.
type scene struct {
	setup
	t         *testing.T
	name      string // of the input topic and of the group
	client    *kafka.Client
	templates []*template
	sent      *manifest
	verifier  *verifier
	playing   *player
	grown     atomic.Bool // the input topic has its later partitions
	player    chan error  // how the producer ended; nil before send

	mu      sync.Mutex
	members []*member
}

var scenes atomic.Int64 // names topics apart on a broker that rows share

// newScene makes topics of its own on the brokers, and starts to follow them.
func newScene(t *testing.T, s setup) *scene {
	t.Helper()
	if len(s.through) == 0 {
		s.through = s.brokers
	}
	s.partitions, s.replicas = max(s.partitions, 1), max(s.replicas, 1)
	n := scenes.Add(1)
	transport := &kafka.Transport{DialTimeout: 5 * time.Second, MetadataTTL: time.Second, ClientID: "faults"}
	c := &scene{setup: s, t: t, name: fmt.Sprintf("faults.%d", n),
		client: &kafka.Client{Addr: kafka.TCP(s.brokers...), Transport: transport, Timeout: 10 * time.Second}}
	c.templates = templates(t, s.settings)
	c.sent = &manifest{tag: fmt.Sprintf("fault%04d", n), began: time.Now(), written: make([][]int32, s.partitions+s.later)}
	c.create(c.name, s.partitions)
	c.create(c.labels(), s.partitions)
	c.create(c.letters(), 1)
	ctx, stop := context.WithCancel(context.Background())
	c.verifier = newVerifier(c)
	following := make(chan struct{})
	go func() {
		defer close(following)
		c.verifier.follow(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-following
		transport.CloseIdleConnections()
	})
	return c
}

func (c *scene) labels() string  { return c.name + ".labels" }
func (c *scene) letters() string { return c.name + ".dlq" }

// create makes a topic and waits until it can be written.
func (c *scene) create(topic string, partitions int) {
	c.t.Helper()
	eventually(c.t, time.Minute, "topic "+topic, func() bool {
		_, err := c.client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
			{Topic: topic, NumPartitions: partitions, ReplicationFactor: c.replicas, ConfigEntries: c.configs}}})
		if err != nil {
			return false
		}
		_, err = c.ends(context.Background(), topic)
		return err == nil
	})
}

// start starts members, with further settings.
func (c *scene) start(n int, settings ...string) []*member {
	c.t.Helper()
	all := append([]string{
		"SERVEFLOW_BROKERS=" + strings.Join(c.through, ","), "SERVEFLOW_GROUP=" + c.name, "SERVEFLOW_TOPIC=" + c.name,
		"SERVEFLOW_LABEL_TOPIC=" + c.labels(), "SERVEFLOW_DEAD_LETTER_TOPIC=" + c.letters(),
	}, append(c.settings, settings...)...)
	var some []*member
	for range n {
		some = append(some, startMember(c.t, all, "run"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = append(c.members, some...)
	return some
}

// running are the members that have not ended.
func (c *scene) running() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	var some []*member
	for _, m := range c.members {
		if m.Running() {
			some = append(some, m)
		}
	}
	return some
}

// await waits until every running member says that it is ready.
func (c *scene) await() {
	c.t.Helper()
	for _, m := range c.running() {
		eventually(c.t, time.Minute, "a member is ready", func() bool { return m.ready() == nil })
	}
}

// send begins to write traffic; again only when what was sent before is settled.
func (c *scene) send(tr traffic) {
	c.sent.reopen()
	ids := make([]int, c.partitions+c.later)
	queues := make([]chan outgoing, len(ids))
	for i := range ids {
		ids[i], queues[i] = i, make(chan outgoing, 10_000)
	}
	partitions := func() []int {
		if c.grown.Load() {
			return ids
		}
		return ids[:c.partitions]
	}
	p := &player{traffic: tr, manifest: c.sent, templates: c.templates, client: c.client, topic: c.name,
		partitions: partitions, queues: queues, rng: rand.New(rand.NewPCG(1, 1))}
	c.playing, c.player = p, make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { c.player <- p.run(ctx) }()
	c.t.Cleanup(stop)
}

// enough lets no further flow begin; those under way are sent to their ends.
func (c *scene) enough() { c.playing.ending.Store(true) }

// grow adds the later partitions. New flows go to all; a flow that has begun stays
// where it is, as it would not with a producer that only hashes.
func (c *scene) grow() {
	c.t.Helper()
	kafkatest.AddPartitions(c.t, c.brokers[0], c.name, c.partitions+c.later)
	c.grown.Store(true)
}

// sending tells whether traffic is still being written.
func (c *scene) sending() bool {
	_, done := c.sent.sent()
	return !done
}

// written waits until all traffic is written. It gives up where for a while nothing
// could be.
func (c *scene) written(patience time.Duration) {
	c.t.Helper()
	for before := -1; ; {
		select {
		case err := <-c.player:
			if err != nil {
				c.t.Fatalf("the producer failed: %v", err)
			}
			return
		case <-time.After(patience):
			now := c.sent.count()
			if now == before {
				c.t.Fatalf("for %v no record could be written, after %d", patience, now)
			}
			before = now
		}
	}
}

// settle waits until all traffic is written and committed, likewise.
func (c *scene) settle(patience time.Duration) {
	c.t.Helper()
	c.written(patience)
	c.caughtUp(patience)
}

// caughtUp waits until everything written is labelled and committed, likewise.
func (c *scene) caughtUp(patience time.Duration) {
	c.t.Helper()
	before, since := int64(-1), time.Now()
	for {
		open, lag, err := c.verifier.behind()
		switch {
		case err == nil && open == 0 && lag == 0:
			return
		case open+lag != before:
			before, since = open+lag, time.Now()
		case time.Since(since) > patience:
			c.t.Errorf("for %v nothing has moved: %d flows without a label, %d records not committed, last error %v", patience, open, lag, err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// finish stops the members that run, reads all topics to their ends and gives what
// was seen.
func (c *scene) finish() *tally {
	c.t.Helper()
	for _, m := range c.running() {
		m.observe()
		m.stop()
	}
	return c.verifier.finish()
}

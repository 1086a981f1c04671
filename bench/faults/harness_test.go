package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// harnessConfig configures a harness.
type harnessConfig struct {
	brokers         []string            // host:port, for the bench itself
	memberBrokers   []string            // host:port, for the members; empty: brokers
	partitions      int                 // of the input topic and of the label topic; 0: 1
	extraPartitions int                 // that addPartitions adds to the input topic
	replicas        int                 // 0: 1
	settings        []string            // of every member, NAME=value
	topicConfigs    []kafka.ConfigEntry // of every topic
	bundles         map[string]string   // folder by task, of those that members serve beside service
	versions        int                 // of each bundle that swap goes through; 0: members serve one that stays
	// injected reports whether a row sends a uid by itself: the verifier ignores such
	// flows. nil: there are none.
	injected func(uid string) bool
}

// harness holds everything that one row needs: topics, group, members, producer and
// verifier.
type harness struct {
	cfg             harnessConfig
	t               *testing.T
	name            string // of the input topic and of the group
	client          *kafka.Client
	templates       []*template
	sent            *sentLog
	verifier        *verifier
	folder          string // of the bundles, by task; empty: members serve the repository's
	version         int    // of the bundles that swap has members serve
	producer        *producer
	partitionsAdded atomic.Bool // the input topic has its extra partitions
	producerErr     chan error  // the producer's result; nil before send

	mu      sync.Mutex
	members []*member
}

var harnessCount atomic.Int64 // makes the topics' names unique on a broker that rows share

// newHarness creates the row's topics and starts the verifier.
func newHarness(t *testing.T, cfg harnessConfig) *harness {
	t.Helper()
	if len(cfg.memberBrokers) == 0 {
		cfg.memberBrokers = cfg.brokers
	}
	cfg.partitions, cfg.replicas = max(cfg.partitions, 1), max(cfg.replicas, 1)
	n := harnessCount.Add(1)
	transport := &kafka.Transport{DialTimeout: 5 * time.Second, MetadataTTL: time.Second, ClientID: "faults"}
	h := &harness{cfg: cfg, t: t, name: fmt.Sprintf("faults.%d", n),
		client: &kafka.Client{Addr: kafka.TCP(cfg.brokers...), Transport: transport, Timeout: 10 * time.Second}}
	if cfg.versions > 0 || len(cfg.bundles) > 0 {
		h.layBundles()
	}
	h.templates = h.templatesOfVersions()
	h.sent = &sentLog{tag: fmt.Sprintf("fault%04d", n), began: time.Now(), written: make([][]int32, cfg.partitions+cfg.extraPartitions)}
	h.create(h.name, cfg.partitions)
	h.create(h.labels(), cfg.partitions)
	for task := range cfg.bundles {
		h.create(h.labelsOf(task), cfg.partitions)
	}
	h.create(h.deadLetters(), 1)
	ctx, stop := context.WithCancel(context.Background())
	h.verifier = newVerifier(h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.verifier.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		transport.CloseIdleConnections()
	})
	return h
}

func (h *harness) labels() string {
	if len(h.cfg.bundles) > 0 {
		return h.labelsOf("service")
	}
	return h.name + ".labels"
}
func (h *harness) deadLetters() string { return h.name + ".dlq" }

// labelsOf is the label topic of a task.
func (h *harness) labelsOf(task string) string { return h.name + ".labels." + task }

// create creates a topic and waits until it can be written.
func (h *harness) create(topic string, partitions int) {
	h.t.Helper()
	eventually(h.t, time.Minute, "topic "+topic, func() bool {
		_, err := h.client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
			{Topic: topic, NumPartitions: partitions, ReplicationFactor: h.cfg.replicas, ConfigEntries: h.cfg.topicConfigs}}})
		if err != nil {
			return false
		}
		_, err = h.offsetRanges(context.Background(), topic)
		return err == nil
	})
}

// start starts n members; settings are added to those of the harness.
func (h *harness) start(n int, settings ...string) []*member {
	h.t.Helper()
	all := append([]string{
		"SERVEFLOW_BROKERS=" + strings.Join(h.cfg.memberBrokers, ","), "SERVEFLOW_GROUP=" + h.name, "SERVEFLOW_TOPIC=" + h.name,
		"SERVEFLOW_LABEL_TOPIC=" + h.labels(), "SERVEFLOW_DEAD_LETTER_TOPIC=" + h.deadLetters(),
		// Rows hold labels against replay's, on machines where a burst of other work may take
		// longer than the 250 ms above which load is shed: bench/load is about that.
		"SERVEFLOW_LATENCY_OBJECTIVE=5s",
	}, append(h.cfg.settings, settings...)...)
	if h.folder != "" {
		all = append(all, "SERVEFLOW_BUNDLE="+filepath.Join(h.folder, "<task>"))
	}
	if len(h.cfg.bundles) > 0 {
		all = append(all, "SERVEFLOW_TASKS="+strings.Join(append(slices.Sorted(maps.Keys(h.cfg.bundles)), "service"), ","), "SERVEFLOW_LABEL_TOPIC="+h.labelsOf("<task>"))
	}
	var started []*member
	for range n {
		started = append(started, startMember(h.t, all, "run"))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members = append(h.members, started...)
	return started
}

// running returns the members that have not ended, the oldest first.
func (h *harness) running() []*member {
	h.mu.Lock()
	defer h.mu.Unlock()
	var running []*member
	for _, m := range h.members {
		if m.process.Running() {
			running = append(running, m)
		}
	}
	return running
}

// awaitReady waits until every running member is ready.
func (h *harness) awaitReady() {
	h.t.Helper()
	for _, m := range h.running() {
		eventually(h.t, time.Minute, "a member is ready", func() bool { return m.ready() == nil })
	}
}

// send starts the producer. It may be called again after settle or awaitWritten.
func (h *harness) send(tr traffic) {
	h.sent.reopen()
	ids := make([]int, h.cfg.partitions+h.cfg.extraPartitions)
	queues := make([]chan outgoing, len(ids))
	for i := range ids {
		ids[i], queues[i] = i, make(chan outgoing, 10_000)
	}
	partitions := func() []int {
		if h.partitionsAdded.Load() {
			return ids
		}
		return ids[:h.cfg.partitions]
	}
	p := &producer{traffic: tr, sent: h.sent, templates: h.templates, client: h.client, topic: h.name,
		partitions: partitions, queues: queues, rng: rand.New(rand.NewPCG(1, 1))}
	h.producer, h.producerErr = p, make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { h.producerErr <- p.run(ctx) }()
	h.t.Cleanup(stop)
}

// stopSending makes the producer begin no further flow; it still sends the records of those
// that have begun.
func (h *harness) stopSending() { h.producer.stopping.Store(true) }

// addPartitions adds the extra partitions. New flows go to all partitions. A flow that has
// begun stays on its partition; a producer that only hashes the key would move it.
func (h *harness) addPartitions() {
	h.t.Helper()
	kafkatest.AddPartitions(h.t, h.cfg.brokers[0], h.name, h.cfg.partitions+h.cfg.extraPartitions)
	h.partitionsAdded.Store(true)
}

// sending reports whether the producer still writes.
func (h *harness) sending() bool {
	_, done := h.sent.progress()
	return !done
}

// awaitWritten waits until all traffic is written. It fails the test where no record can be
// written for timeout.
func (h *harness) awaitWritten(timeout time.Duration) {
	h.t.Helper()
	for before := -1; ; {
		select {
		case err := <-h.producerErr:
			if err != nil {
				h.t.Fatalf("the producer failed: %v", err)
			}
			return
		case <-time.After(timeout):
			now := h.sent.recordCount()
			if now == before {
				h.t.Fatalf("for %v no record could be written, after %d", timeout, now)
			}
			before = now
		}
	}
}

// settle waits until all traffic is written, labelled and committed. timeout is for
// awaitWritten and for awaitCommitted.
func (h *harness) settle(timeout time.Duration) {
	h.t.Helper()
	h.awaitWritten(timeout)
	h.awaitCommitted(timeout)
}

// awaitCommitted waits until all that is written is labelled and committed. It fails the
// test where neither makes progress for timeout.
func (h *harness) awaitCommitted(timeout time.Duration) {
	h.t.Helper()
	before, since := int64(-1), time.Now()
	for {
		unlabelled, lag, err := h.verifier.backlog()
		switch {
		case err == nil && unlabelled == 0 && lag == 0:
			return
		case unlabelled+lag != before:
			before, since = unlabelled+lag, time.Now()
		case time.Since(since) > timeout:
			h.t.Errorf("for %v nothing has moved: %d flows without a label, %d records not committed, last error %v", timeout, unlabelled, lag, err)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// finish stops the members, reads all topics to their ends and returns the result.
func (h *harness) finish() *result {
	h.t.Helper()
	for _, m := range h.running() {
		m.sampleMemory()
		m.stop()
	}
	return h.verifier.finish()
}

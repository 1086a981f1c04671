package faults

import (
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Faults of the brokers.
func TestFaultsBroker(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	const target = "lost 0, resumes within 60 s"
	for _, f := range []struct {
		fault, target string
		do            func(*testing.T, *row)
	}{
		{"broker kill -9 and restart", target, killBroker},
		{"partitions added while running", "lost 0, new ones read from their first record within 60 s", addPartitions},
		{"leader moves", target, moveLeaders},
	} {
		run(t, f.fault, f.target, func(t *testing.T, r *row) {
			t.Parallel()
			f.do(t, r)
		})
	}
	if !long() {
		return
	}
	run(t, "rolling restart of 3 brokers", target, restartBrokers)
	run(t, "one of 3 brokers killed for 60 s, each in turn", target, func(t *testing.T, r *row) {
		removeEach(t, r, (*kafkatest.Broker).Kill, (*kafkatest.Broker).Restart)
	})
	run(t, "one of 3 brokers hung for 60 s, each in turn", target, func(t *testing.T, r *row) {
		removeEach(t, r, (*kafkatest.Broker).Pause, (*kafkatest.Broker).Resume)
	})
}

func killBroker(t *testing.T, r *row) {
	broker := kafkatest.Start(t)
	h := newHarness(t, harnessConfig{brokers: []string{broker.Addr}, partitions: 6})
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(2000, 100_000), rate: 200})
	for range choose(1, 10) {
		time.Sleep(3 * time.Second)
		broker.Kill()
		broker.Restart()
		r.note("resumed after %.1f s", h.awaitResumed(time.Minute).Seconds())
	}
	h.settle(90 * time.Second)
	r.check(t, h.finish(), limits{duplicates: 1, memory: memoryCap})
}

func addPartitions(t *testing.T, r *row) {
	broker := kafkatest.Start(t)
	h := newHarness(t, harnessConfig{brokers: []string{broker.Addr}, partitions: 3, extraPartitions: 3})
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(2000, 100_000), rate: 200})
	time.Sleep(2 * time.Second)
	h.addPartitions()
	h.settle(time.Minute)
	r.check(t, h.finish(), limits{duplicates: 0.1, wait: time.Minute, memory: memoryCap})
}

func moveLeaders(t *testing.T, r *row) {
	c := kafkatest.StartCluster(t, 3, nil)
	h := replicated(t, c)
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(2000, 100_000), rate: 200})
	for range choose(2, 20) {
		time.Sleep(2 * time.Second)
		c.MoveLeaders(h.name)
		c.MoveLeaders(h.labels())
	}
	h.settle(time.Minute)
	r.check(t, h.finish(), limits{duplicates: 0.1, wait: time.Minute, memory: memoryCap})
}

func restartBrokers(t *testing.T, r *row) {
	c := kafkatest.StartCluster(t, 3, nil)
	h := replicated(t, c)
	h.start(3)
	h.awaitReady()
	h.send(traffic{flows: 100_000, rate: 500})
	for _, b := range c.Brokers {
		time.Sleep(10 * time.Second)
		b.Restart()
		c.AwaitInSync()
	}
	h.settle(90 * time.Second)
	r.check(t, h.finish(), limits{duplicates: 1, wait: time.Minute, memory: memoryCap})
}

// removeEach stops each of three brokers for a minute, one after the other.
func removeEach(t *testing.T, r *row, remove, restore func(*kafkatest.Broker)) {
	c := kafkatest.StartCluster(t, 3, nil)
	h := replicated(t, c)
	h.start(3)
	h.awaitReady()
	h.send(traffic{flows: 150_000, rate: 500})
	for _, b := range c.Brokers {
		time.Sleep(10 * time.Second)
		remove(b)
		r.note("broker %d: resumed after %.1f s", b.ID, h.awaitResumed(time.Minute).Seconds())
		time.Sleep(time.Minute)
		restore(b)
		c.AwaitInSync()
	}
	h.settle(90 * time.Second)
	r.check(t, h.finish(), limits{duplicates: 1, wait: 90 * time.Second, memory: memoryCap})
}

// replicated returns a harness whose topics have three replicas, of which two must be in sync.
func replicated(t *testing.T, c *kafkatest.Cluster) *harness {
	t.Helper()
	return newHarness(t, harnessConfig{brokers: c.Addrs(), partitions: 6, replicas: 3,
		topicConfigs: []kafka.ConfigEntry{{ConfigName: "min.insync.replicas", ConfigValue: "2"}}})
}

package faults

import (
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What befalls the brokers themselves.
func TestFaultsBroker(t *testing.T) {
	group(t)
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
		eachAway(t, r, (*kafkatest.Broker).Kill, (*kafkatest.Broker).Restart)
	})
	run(t, "one of 3 brokers hung for 60 s, each in turn", target, func(t *testing.T, r *row) {
		eachAway(t, r, (*kafkatest.Broker).Pause, (*kafkatest.Broker).Resume)
	})
}

func killBroker(t *testing.T, r *row) {
	broker := kafkatest.Start(t)
	s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 6})
	s.start(2)
	s.await()
	s.send(traffic{flows: choose(2000, 100_000), rate: 200})
	for range choose(1, 10) {
		time.Sleep(3 * time.Second)
		broker.Kill()
		broker.Restart()
		r.saw("resumed after %.1f s", s.resumes(time.Minute).Seconds())
	}
	s.settle(90 * time.Second)
	r.hold(t, s.finish(), limits{duplicates: 1, memory: memoryCap})
}

func addPartitions(t *testing.T, r *row) {
	broker := kafkatest.Start(t)
	s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 3, later: 3})
	s.start(2)
	s.await()
	s.send(traffic{flows: choose(2000, 100_000), rate: 200})
	time.Sleep(2 * time.Second)
	s.grow()
	s.settle(time.Minute)
	r.hold(t, s.finish(), limits{duplicates: 0.1, wait: time.Minute, memory: memoryCap})
}

func moveLeaders(t *testing.T, r *row) {
	c := kafkatest.StartCluster(t, 3, nil)
	s := replicated(t, c)
	s.start(2)
	s.await()
	s.send(traffic{flows: choose(2000, 100_000), rate: 200})
	for range choose(2, 20) {
		time.Sleep(2 * time.Second)
		c.MoveLeaders(s.name)
		c.MoveLeaders(s.labels())
	}
	s.settle(time.Minute)
	r.hold(t, s.finish(), limits{duplicates: 0.1, wait: time.Minute, memory: memoryCap})
}

func restartBrokers(t *testing.T, r *row) {
	c := kafkatest.StartCluster(t, 3, nil)
	s := replicated(t, c)
	s.start(3)
	s.await()
	s.send(traffic{flows: 100_000, rate: 500})
	for _, b := range c.Brokers {
		time.Sleep(10 * time.Second)
		b.Restart()
		c.AwaitInSync()
	}
	s.settle(90 * time.Second)
	r.hold(t, s.finish(), limits{duplicates: 1, wait: time.Minute, memory: memoryCap})
}

// eachAway takes each of three brokers away for a minute, one after the other.
func eachAway(t *testing.T, r *row, take, give func(*kafkatest.Broker)) {
	c := kafkatest.StartCluster(t, 3, nil)
	s := replicated(t, c)
	s.start(3)
	s.await()
	s.send(traffic{flows: 150_000, rate: 500})
	for _, b := range c.Brokers {
		time.Sleep(10 * time.Second)
		take(b)
		r.saw("broker %d: resumed after %.1f s", b.ID, s.resumes(time.Minute).Seconds())
		time.Sleep(time.Minute)
		give(b)
		c.AwaitInSync()
	}
	s.settle(90 * time.Second)
	r.hold(t, s.finish(), limits{duplicates: 1, wait: 90 * time.Second, memory: memoryCap})
}

// replicated is a scene whose topics have three replicas of which two must be in sync.
func replicated(t *testing.T, c *kafkatest.Cluster) *scene {
	t.Helper()
	return newScene(t, setup{brokers: c.Addrs(), partitions: 6, replicas: 3,
		configs: []kafka.ConfigEntry{{ConfigName: "min.insync.replicas", ConfigValue: "2"}}})
}

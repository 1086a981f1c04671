package faults

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// quick settings let the short form see several rebalances in half a minute: a
// member that is silent is missed soon.
func quick() []string {
	return choose([]string{"SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s", "SERVEFLOW_COMMIT_EVERY=300ms"},
		[]string{"SERVEFLOW_SESSION_TIMEOUT=10s", "SERVEFLOW_DRAIN_TIMEOUT=5s"})
}

func session() time.Duration { return choose(6*time.Second, 10*time.Second) }

// What befalls the members of the group.
func TestFaultsProcess(t *testing.T) {
	group(t)
	broker := kafkatest.Start(t).Addr
	for _, f := range []struct {
		fault, target string
		do            func(*testing.T, *row, string)
	}{
		{"kill -9 of a random one of 3 members", "lost 0; duplicates at most 2%, all equal; recovery within session timeout + 15 s", killMembers},
		{"kill -9, with provisional labels", "lost 0; duplicates at most 2%, all equal; a flow's last label is final", killProvisional},
		{"SIGTERM, rolling restarts of 3 members", "lost 0; duplicates at most 0.1%; drain within 10 s", restartMembers},
		{"members join and leave", "lost 0; duplicates at most 5%", joinAndLeave},
		{"SIGSTOP with slow batches in flight, then SIGCONT", "nothing committed for a partition no longer owned; lost 0", haltMember},
		{"committed offset below the log's start", "the exact count of lost records; stops, or goes on by setting", truncateInput},
		{"one input on other partitions, members, batches", "labels equal replay's but for wall-clock fields, the slow stage's probabilities within 1e-6", spreadInput},
	} {
		run(t, f.fault, f.target, func(t *testing.T, r *row) {
			t.Parallel()
			f.do(t, r, broker)
		})
	}
}

// An hour, and by itself: it measures what the machine bears.
func TestFaultsSoak(t *testing.T) {
	group(t)
	if !long() {
		t.Skip("an hour: in the long form alone")
	}
	broker := kafkatest.Start(t).Addr
	run(t, "soak at 70% of measured capacity", "memory, goroutines, file descriptors flat; nothing lost", func(t *testing.T, r *row) {
		soak(t, r, broker)
	})
}

// restartMembers stops the oldest member and starts another, one after the other.
func restartMembers(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, settings: quick()})
	s.start(3)
	s.await()
	restarts := choose(4, 20)
	s.send(traffic{flows: 1_000_000, rate: 400})
	slowest := time.Duration(0)
	for range restarts {
		slowest = max(slowest, s.running()[0].stop())
		s.start(1)
		s.await()
		time.Sleep(choose(time.Second, 5*time.Second))
	}
	s.enough()
	s.settle(2 * time.Minute)
	r.saw("%d restarts, slowest drain %.1f s", restarts, slowest.Seconds())
	if slowest > 10*time.Second {
		t.Errorf("a drain took %v, 10 s are allowed", slowest)
	}
	r.hold(t, s.finish(), limits{duplicates: 0.001})
}

// joinAndLeave has one member more for 5 s, and then one less.
func joinAndLeave(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, settings: quick()})
	s.start(2)
	s.await()
	s.send(traffic{flows: choose(10_000, 240_000), rate: 400})
	changes := 0
	for ; s.sending(); changes++ {
		if some := s.running(); len(some) > 2 {
			some[changes%3].stop()
		} else {
			s.start(1)
		}
		time.Sleep(5 * time.Second)
	}
	s.settle(2 * time.Minute)
	r.saw("%d changes", changes)
	r.hold(t, s.finish(), limits{duplicates: 0.05})
}

// haltMember halts a member for longer than its session lasts, so that others have
// its partitions when it goes on with what it had in hand.
func haltMember(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 6, settings: quick()})
	members := s.start(2)
	s.await()
	s.send(traffic{flows: 1_000_000, rate: choose(200., 400), only: "slow"})
	time.Sleep(3 * time.Second)
	halted := members[0]
	halted.pause()
	pause := choose(12*time.Second, 45*time.Second)
	time.Sleep(pause)
	halted.resume()
	eventually(t, time.Minute, "the halted member is back in its group", func() bool { return halted.metric("serveflow_assigned_partitions") == 3 && halted.ready() == nil })
	s.enough()
	refused := halted.metric("serveflow_commit_failures_total")
	s.settle(2 * time.Minute)
	r.saw("halted for %v; %v commits of the old generation refused", pause, refused)
	r.hold(t, s.finish(), limits{duplicates: 1})
}

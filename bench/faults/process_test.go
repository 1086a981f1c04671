package faults

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// shortTimeouts returns settings with short timeouts: the group notices a silent member soon,
// so the short form has several rebalances in half a minute.
func shortTimeouts() []string {
	return choose([]string{"SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s", "SERVEFLOW_COMMIT_EVERY=300ms"},
		[]string{"SERVEFLOW_SESSION_TIMEOUT=10s", "SERVEFLOW_DRAIN_TIMEOUT=5s"})
}

func sessionTimeout() time.Duration { return choose(6*time.Second, 10*time.Second) }

// Faults of the group's members.
func TestFaultsProcess(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	broker := kafkatest.Start(t).Addr
	for _, f := range []struct {
		fault, target string
		do            func(*testing.T, *row, string)
	}{
		{"kill -9 of a random one of 3 members", "lost 0; duplicates at most 2%, all equal; recovery within session timeout + 15 s", killMembers},
		{"kill -9, with provisional labels", "lost 0; duplicates at most 2%, all equal; a flow's last label is final", killProvisional},
		{"kill -9, with three tasks on one pass", "lost 0 of each task; duplicates, of flows that one task waits for, all equal", killWithTasks},
		{"a backlog, and a slow stage with room for 8 flows", "labels equal replay's: none degraded", workOffABacklog},
		{"SIGTERM, rolling restarts of 3 members", "lost 0; duplicates at most 0.1%; drain within 10 s", restartMembers},
		{"members join and leave", "lost 0; duplicates at most 5%", joinAndLeave},
		{"SIGSTOP with slow batches in flight, then SIGCONT", "nothing committed for a partition no longer owned; lost 0", pauseMember},
		{"committed offset below the log's start", "the exact count of lost records; stops, or goes on by setting", truncateInput},
		{"one input on other partitions, members, batches", "labels equal replay's but for wall-clock fields, the slow stage's probabilities within 1e-6", varyLayout},
	} {
		run(t, f.fault, f.target, func(t *testing.T, r *row) {
			t.Parallel()
			f.do(t, r, broker)
		})
	}
}

// The soak takes an hour and runs alone, because it measures the machine's capacity.
func TestFaultsSoak(t *testing.T) {
	requireBench(t)
	if !long() {
		t.Skip("on purpose: an hour, in the long form alone")
	}
	broker := kafkatest.Start(t).Addr
	run(t, "soak at 70% of measured capacity", "memory, goroutines, file descriptors flat; nothing lost", func(t *testing.T, r *row) {
		soak(t, r, broker)
	})
}

// restartMembers stops the oldest member and starts another, again and again.
func restartMembers(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, settings: shortTimeouts()})
	h.start(3)
	h.awaitReady()
	restarts := choose(4, 20)
	h.send(traffic{flows: 1_000_000, rate: 400})
	slowest := time.Duration(0)
	for range restarts {
		slowest = max(slowest, h.running()[0].stop())
		h.start(1)
		h.awaitReady()
		time.Sleep(choose(time.Second, 5*time.Second))
	}
	h.stopSending()
	h.settle(2 * time.Minute)
	r.note("%d restarts, slowest drain %.1f s", restarts, slowest.Seconds())
	if slowest > 10*time.Second {
		t.Errorf("a drain took %v, 10 s are allowed", slowest)
	}
	r.check(t, h.finish(), limits{duplicates: 0.001})
}

// joinAndLeave adds a member for 5 s and removes one, again and again.
func joinAndLeave(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, settings: shortTimeouts()})
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(10_000, 240_000), rate: 400})
	changes := 0
	for ; h.sending(); changes++ {
		if running := h.running(); len(running) > 2 {
			running[changes%3].stop()
		} else {
			h.start(1)
		}
		time.Sleep(5 * time.Second)
	}
	h.settle(2 * time.Minute)
	r.note("%d changes", changes)
	r.check(t, h.finish(), limits{duplicates: 0.05})
}

// pauseMember pauses a member for longer than its session. Others own its partitions when it
// continues with its records in flight.
func pauseMember(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: shortTimeouts()})
	members := h.start(2)
	h.awaitReady()
	h.send(traffic{flows: 1_000_000, rate: choose(200., 400), only: "slow"})
	time.Sleep(3 * time.Second)
	halted := members[0]
	halted.pause()
	pause := choose(12*time.Second, 45*time.Second)
	time.Sleep(pause)
	halted.resume()
	eventually(t, time.Minute, "the halted member is back in its group", func() bool { return halted.metric("serveflow_assigned_partitions") == 3 && halted.ready() == nil })
	h.stopSending()
	refused := halted.metric("serveflow_commit_failures_total")
	h.settle(2 * time.Minute)
	r.note("halted for %v; %v commits of the old generation refused", pause, refused)
	r.check(t, h.finish(), limits{duplicates: 1})
}

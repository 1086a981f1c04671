package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// quick settings let the short form see several rebalances: members are missed
// after 6 s instead of 30.
func quick() []string {
	return choose([]string{"SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s"}, nil)
}

func session() time.Duration { return choose(6*time.Second, 30*time.Second) }

// What befalls the members of the group.
func TestFaultsProcess(t *testing.T) {
	group(t)
	broker := kafkatest.Start(t).Addr
	run(t, "kill -9 of a random one of 3 members", "lost 0; duplicates at most 2%, all equal; recovery within session timeout + 15 s", func(t *testing.T, r *row) {
		killMembers(t, r, broker)
	})
}

// killMembers kills a member every now and then, and starts another in its place.
func killMembers(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, settings: quick()})
	s.start(3)
	s.await()
	s.send(traffic{flows: choose(12_000, 1_000_000), rate: choose(500., 556)})
	kills, rng := 0, rand.New(rand.NewPCG(2, 2))
	for s.sending() {
		time.Sleep(choose(6*time.Second, 10*time.Second+time.Duration(rng.Int64N(20e9))))
		some := s.running()
		some[rng.IntN(len(some))].Kill()
		kills++
		s.start(1)
	}
	s.settle(2 * time.Minute)
	r.saw("%d kills", kills)
	r.hold(t, s.finish(), limits{duplicates: 0.02, wait: session() + 15*time.Second})
}

package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// killMembers kills a member every now and then, and starts another in its place.
func killMembers(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, settings: quick()})
	y := s.kills(r, 3, traffic{flows: choose(12_000, 1_000_000), rate: choose(500., 700)})
	r.hold(t, y, limits{duplicates: 0.02, wait: session() + 15*time.Second})
}

// killProvisional does so where flows get a label before the final one.
func killProvisional(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 6, settings: append(quick(), "SERVEFLOW_PROVISIONAL=true")})
	y := s.kills(r, 2, traffic{flows: choose(5000, 100_000), rate: 200})
	if y.provisional == 0 {
		t.Error("there is no provisional label")
	}
	r.hold(t, y, limits{duplicates: 0.02})
}

// kills sends traffic to members that are killed now and then, and replaced.
func (c *scene) kills(r *row, members int, tr traffic) *tally {
	c.t.Helper()
	c.start(members)
	c.await()
	c.send(tr)
	kills, rng := 0, rand.New(rand.NewPCG(2, 2))
	for c.sending() {
		time.Sleep(choose(8*time.Second, 10*time.Second+time.Duration(rng.Int64N(20e9))))
		some := c.running()
		some[rng.IntN(len(some))].Kill()
		kills++
		c.start(1)
	}
	c.settle(2 * time.Minute)
	r.saw("%d kills", kills)
	return c.finish()
}

package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// killMembers kills random members and replaces them.
func killMembers(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, settings: shortTimeouts()})
	res := h.killRepeatedly(r, 3, traffic{flows: choose(12_000, 1_000_000), rate: choose(500., 700)})
	r.check(t, res, limits{duplicates: 0.02, wait: sessionTimeout() + 15*time.Second})
}

// killProvisional kills members while flows get provisional labels too.
func killProvisional(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: append(shortTimeouts(), "SERVEFLOW_PROVISIONAL=true")})
	res := h.killRepeatedly(r, 2, traffic{flows: choose(5000, 100_000), rate: 200})
	if res.provisional == 0 {
		t.Error("there is no provisional label")
	}
	r.check(t, res, limits{duplicates: 0.02})
}

// killRepeatedly sends traffic, and meanwhile kills random members and replaces them. All members
// are at work when one is killed: what a kill shows twice are the labels since the last commit, and
// a member that works off what an earlier kill left behind labels a whole partition in that time.
func (h *harness) killRepeatedly(r *row, members int, tr traffic) *result {
	h.t.Helper()
	h.start(members)
	h.awaitReady()
	h.send(tr)
	kills, rng := 0, rand.New(rand.NewPCG(2, 2))
	for h.sending() {
		time.Sleep(choose(3*time.Second, 5*time.Second+time.Duration(rng.Int64N(20e9))))
		running := h.running()
		running[rng.IntN(len(running))].process.Kill()
		kills++
		h.start(1)
		h.awaitReady()
	}
	h.settle(2 * time.Minute)
	r.note("%d kills", kills)
	return h.finish()
}

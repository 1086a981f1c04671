package steer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// queue is a simulated slow stage with its queue, on a clock of its own.
type queue struct {
	controller *Controller
	random     *rand.Rand
	now        time.Duration
	service    time.Duration // of one flow
	wrong      float64       // what is expected of a wait, by what it is
	packets    time.Duration // a flow comes to the queue up to so much after it was let through
	free       time.Duration // when the worker has done all that is queued
	coming     []waiting
	share      float64
	delays     []time.Duration // of the flows of the last run
	asked      int             // flows that would have been deferred, and ...
	taken      int             // ... that were
}

// waiting is a flow that was let through and waits for packets.
type waiting struct {
	until time.Duration
	draw  float64 // stands for its uncertainty, which is looked at again at the queue's door
}

func newQueue(objective, service, packets time.Duration) *queue {
	return &queue{controller: NewController(objective), random: rand.New(rand.NewPCG(1, 2)), service: service, packets: packets, wrong: 1, share: 1}
}

// run lets time pass at a load: how many times what the queue can take is to be deferred.
func (q *queue) run(load float64, d time.Duration) {
	q.delays, q.asked, q.taken = nil, 0, 0
	for end := q.now + d; q.now < end; q.now += Step {
		q.share = q.controller.Step(time.Duration(float64(max(0, q.free-q.now)) * q.wrong))
		for range q.arrivals(load) {
			q.asked++
			if draw := q.random.Float64(); draw < q.share {
				q.coming = append(q.coming, waiting{q.now + time.Duration(q.random.Float64()*float64(q.packets)), draw})
			}
		}
		q.coming = slices.DeleteFunc(q.coming, func(f waiting) bool {
			if f.until <= q.now && f.draw < q.share {
				q.enter()
			}
			return f.until <= q.now
		})
	}
}

func (q *queue) enter() {
	q.free = max(q.free, q.now)
	q.delays = append(q.delays, q.free-q.now)
	q.free += q.service
	q.taken++
}

// arrivals are those of one step, at random with the load as their mean.
func (q *queue) arrivals(load float64) (n int) {
	mean := load * float64(Step) / float64(q.service)
	for range int(20 * mean) {
		if q.random.Float64() < 1./20 {
			n++
		}
	}
	return n
}

// p99 is that of the last run's flows.
func (q *queue) p99() time.Duration {
	slices.Sort(q.delays)
	return q.delays[len(q.delays)*99/100]
}

// used is how much of the slow stage's time the last run took.
func (q *queue) used(d time.Duration) float64 {
	return float64(q.taken) * float64(q.service) / float64(d)
}

// Two seconds after the load has come the delay is within the objective, and the slow stage
// has enough to do, also where flows wait for packets before they come to the queue, and
// where what is expected of a wait is wrong.
func TestDelayIsWithinTheObjective(t *testing.T) {
	for _, objective := range []time.Duration{150 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		for _, load := range []float64{1, 2, 5, 10} {
			for _, packets := range []time.Duration{0, 2 * time.Second} {
				for _, wrong := range []float64{.9, 1, 1.5} {
					name := fmt.Sprintf("objective %v, load %v, packets %v, %v of the wait", objective, load, packets, wrong)
					q := newQueue(objective, time.Millisecond, packets)
					q.wrong = wrong
					q.run(.5, 5*time.Second)
					if q.share != 1 {
						t.Fatalf("%s: share %.2f at half the load", name, q.share)
					}
					q.run(load, 2*time.Second)
					q.run(load, 10*time.Second)
					if q.p99() > objective {
						t.Errorf("%s: p99 %v", name, q.p99())
					}
					if used := q.used(10 * time.Second); used < .9 {
						t.Errorf("%s: only %.2f of what the slow stage can take is taken", name, used)
					}
				}
			}
		}
	}
}

// At a load that stays, the share stays near what the slow stage can take.
func TestShareDoesNotSwing(t *testing.T) {
	for _, load := range []float64{2, 5, 10} {
		q := newQueue(250*time.Millisecond, time.Millisecond, 0)
		q.run(load, 4*time.Second)
		lowest, highest := 1., 0.
		for range 500 {
			q.run(load, Step)
			lowest, highest = min(lowest, q.share), max(highest, q.share)
		}
		if lowest*load < .6 || highest*load > 1.6 {
			t.Errorf("load %v: the share goes from %.3f to %.3f", load, lowest, highest)
		}
	}
}

// After a burst of ten seconds all is deferred again, a few seconds later.
func TestBurstIsForgotten(t *testing.T) {
	q := newQueue(250*time.Millisecond, time.Millisecond, 2*time.Second)
	q.run(.5, 5*time.Second)
	q.run(10, 10*time.Second)
	q.run(.5, time.Second)
	if q.share > .5 {
		t.Errorf("it relaxes to %.2f within a second", q.share)
	}
	q.run(.5, 6*time.Second)
	if q.share != 1 {
		t.Errorf("share %.2f seven seconds after the burst", q.share)
	}
}

// What the queue takes within a part of the objective changes nothing.
func TestSmallBurstIsLetIn(t *testing.T) {
	q := newQueue(250*time.Millisecond, time.Millisecond, 0)
	q.run(.5, 5*time.Second)
	q.run(3, 20*time.Millisecond)
	if q.run(.5, time.Second); q.share != 1 || q.taken != q.asked {
		t.Errorf("share %.2f, %d of %d are deferred", q.share, q.taken, q.asked)
	}
}

// Between calm and the aim nothing changes while the delay does not grow.
func TestHysteresis(t *testing.T) {
	for delay, want := range map[time.Duration]string{0: "rises", 19 * time.Millisecond: "rises", 21 * time.Millisecond: "stays", 39 * time.Millisecond: "stays", 41 * time.Millisecond: "falls"} {
		c := NewController(100 * time.Millisecond)
		c.delay, c.log = delay.Seconds(), -1
		before := c.Step(delay)
		after := c.Step(delay)
		got := map[bool]string{after > before: "rises", after < before: "falls", after == before: "stays"}[true]
		if got != want {
			t.Errorf("at %v the share %s, it should be that it %s", delay, got, want)
		}
	}
}

func TestShareHasBounds(t *testing.T) {
	c := NewController(time.Millisecond)
	for range 100 {
		c.Step(time.Hour)
	}
	if got := c.Step(time.Hour); got < least-1e-12 || got > least+1e-12 {
		t.Errorf("share %v, want the least, %v", got, least)
	}
	if c.Reset(); c.Step(0) != 1 {
		t.Error("reset, it allows everything")
	}
}

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/faultproxy"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// memoryCap is the largest resident memory of a member during network faults, in bytes.
const memoryCap = 512 << 20

// startLinks starts a broker with one more listener for each name, which is reached through its
// own proxy.
func startLinks(t *testing.T, names ...string) (*kafkatest.Broker, map[string]*faultproxy.Proxy) {
	t.Helper()
	proxies := map[string]*faultproxy.Proxy{}
	var o kafkatest.Options
	for _, name := range names {
		p := faultproxy.Start(t)
		proxies[name] = p
		o.Listeners = append(o.Listeners, kafkatest.Listener{Name: name, Protocol: "PLAINTEXT", Advertised: p.Addr})
	}
	b := kafkatest.StartWith(t, o)
	for _, name := range names {
		proxies[name].Forward(b.Addrs[name])
	}
	return b, proxies
}

// Faults of the network between the members and the broker.
func TestFaultsNetwork(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	broker, link := startLinks(t, "DELAY", "THIN", "RESETS", "HOLE", "CUT")
	behind := func(t *testing.T, p *faultproxy.Proxy) *harness {
		return newHarness(t, harnessConfig{brokers: []string{broker.Addr}, memberBrokers: []string{p.Addr}, partitions: 6})
	}
	run(t, "delay of 200±100 ms each way", "lost 0, duplicates 0", func(t *testing.T, r *row) {
		t.Parallel()
		p, h := link["DELAY"], behind(t, link["DELAY"])
		p.Set(faultproxy.Faults{Delay: 200 * time.Millisecond, Jitter: 100 * time.Millisecond})
		h.start(2)
		h.awaitReady()
		h.send(traffic{flows: choose(1000, 100_000), rate: 100})
		h.settle(time.Minute)
		r.check(t, h.finish(), limits{wait: time.Minute, memory: memoryCap})
	})
	run(t, "64 KB/s", "lost 0, duplicates at most 2%", func(t *testing.T, r *row) {
		t.Parallel()
		p, h := link["THIN"], behind(t, link["THIN"])
		h.start(1)
		h.awaitReady()
		p.Set(faultproxy.Faults{Rate: 64_000})
		h.send(traffic{flows: 2000, rate: 400}) // more than the link can carry: a backlog
		h.settle(time.Minute)
		h.send(traffic{flows: choose(100, 4000), rate: 25}) // as much as the link can carry
		h.settle(time.Minute)
		r.check(t, h.finish(), limits{duplicates: 0.02, wait: time.Minute, memory: memoryCap})
	})
	run(t, "resets every 2 s", "lost 0, duplicates at most 20%, resumes within 60 s", func(t *testing.T, r *row) {
		t.Parallel()
		p, h := link["RESETS"], behind(t, link["RESETS"])
		h.start(1)
		h.awaitReady()
		h.send(traffic{flows: choose(1000, 100_000), rate: 100})
		for h.sending() {
			time.Sleep(2 * time.Second)
			p.ResetAll()
		}
		h.settle(time.Minute)
		r.check(t, h.finish(), limits{duplicates: 0.2, wait: time.Minute, memory: memoryCap})
	})
	run(t, fmt.Sprintf("black hole of %v", choose(15*time.Second, 90*time.Second)), "not ready within 10 s, lost 0, resumes within 60 s", func(t *testing.T, r *row) {
		t.Parallel()
		blocked(t, r, link["HOLE"], behind(t, link["HOLE"]), faultproxy.BlackHole())
	})
	run(t, fmt.Sprintf("produce requests lost for %v", choose(15*time.Second, 90*time.Second)), "not ready within 10 s, lost 0, no commit meanwhile, resumes within 60 s", func(t *testing.T, r *row) {
		t.Parallel()
		blocked(t, r, link["CUT"], behind(t, link["CUT"]), faultproxy.Faults{Keys: []int{faultproxy.Produce}})
	})
}

// blocked cuts the members off for a while and sends traffic meanwhile.
func blocked(t *testing.T, r *row, p *faultproxy.Proxy, h *harness, f faultproxy.Faults) {
	members := h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(2500, 100_000), rate: 100})
	time.Sleep(3 * time.Second)
	p.Set(f)
	over := time.Now().Add(choose(15*time.Second, 90*time.Second))
	told := eventually(t, 10*time.Second, "a member says that it is not ready", func() bool {
		return members[0].ready() != nil || members[1].ready() != nil
	})
	for _, m := range members {
		if err := m.ready(); err != nil {
			r.note("not ready after %.1f s: %v", told.Seconds(), err)
			break
		}
	}
	time.Sleep(time.Until(over))
	p.Mend()
	r.note("resumed %.1f s after the mend", h.awaitResumed(time.Minute).Seconds())
	h.settle(time.Minute)
	r.check(t, h.finish(), limits{duplicates: 1, memory: memoryCap})
}

// awaitResumed waits until further flows are labelled, and returns how long that took.
func (h *harness) awaitResumed(limit time.Duration) time.Duration {
	h.t.Helper()
	before := h.verifier.labelled()
	return eventually(h.t, limit, "labels come again", func() bool { return h.verifier.labelled() > before })
}

// labelled returns how many flows have a final label.
func (v *verifier) labelled() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.flows) - v.unlabelled
}

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/faultproxy"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// memoryCap is what a member may have resident whatever the network does.
const memoryCap = 512 << 20

// links starts a broker that is reached over a link of its own by each name.
func links(t *testing.T, names ...string) (*kafkatest.Broker, map[string]*faultproxy.Proxy) {
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

// What befalls the way between the members and the broker.
func TestFaultsNetwork(t *testing.T) {
	group(t)
	broker, link := links(t, "DELAY", "THIN", "RESETS", "HOLE", "CUT")
	behind := func(t *testing.T, p *faultproxy.Proxy) *scene {
		return newScene(t, setup{brokers: []string{broker.Addr}, through: []string{p.Addr}, partitions: 6})
	}
	run(t, "delay of 200±100 ms each way", "lost 0, duplicates 0", func(t *testing.T, r *row) {
		t.Parallel()
		p, s := link["DELAY"], behind(t, link["DELAY"])
		p.Set(faultproxy.Faults{Delay: 200 * time.Millisecond, Jitter: 100 * time.Millisecond})
		s.start(2)
		s.await()
		s.send(traffic{flows: choose(1000, 100_000), rate: 100})
		s.settle(time.Minute)
		r.hold(t, s.finish(), limits{wait: time.Minute, memory: memoryCap})
	})
	run(t, "64 KB/s", "lost 0, duplicates at most 2%", func(t *testing.T, r *row) {
		t.Parallel()
		p, s := link["THIN"], behind(t, link["THIN"])
		s.start(1)
		s.await()
		p.Set(faultproxy.Faults{Rate: 64_000})
		s.send(traffic{flows: 2000, rate: 400}) // more than the link bears: a backlog
		s.settle(time.Minute)
		s.send(traffic{flows: choose(100, 4000), rate: 25}) // what it bears
		s.settle(time.Minute)
		r.hold(t, s.finish(), limits{duplicates: 0.02, wait: time.Minute, memory: memoryCap})
	})
	run(t, "resets every 2 s", "lost 0, duplicates at most 20%, resumes within 60 s", func(t *testing.T, r *row) {
		t.Parallel()
		p, s := link["RESETS"], behind(t, link["RESETS"])
		s.start(1)
		s.await()
		s.send(traffic{flows: choose(1000, 100_000), rate: 100})
		for s.sending() {
			time.Sleep(2 * time.Second)
			p.ResetAll()
		}
		s.settle(time.Minute)
		r.hold(t, s.finish(), limits{duplicates: 0.2, wait: time.Minute, memory: memoryCap})
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

// blocked is a row whose members are cut off for a while, under traffic that goes on.
func blocked(t *testing.T, r *row, p *faultproxy.Proxy, s *scene, f faultproxy.Faults) {
	members := s.start(2)
	s.await()
	s.send(traffic{flows: choose(2500, 100_000), rate: 100})
	time.Sleep(3 * time.Second)
	p.Set(f)
	over := time.Now().Add(choose(15*time.Second, 90*time.Second))
	told := eventually(t, 10*time.Second, "a member says that it is not ready", func() bool {
		return members[0].ready() != nil || members[1].ready() != nil
	})
	for _, m := range members {
		if err := m.ready(); err != nil {
			r.saw("not ready after %.1f s: %v", told.Seconds(), err)
			break
		}
	}
	time.Sleep(time.Until(over))
	p.Mend()
	r.saw("resumed %.1f s after the mend", s.resumes(time.Minute).Seconds())
	s.settle(time.Minute)
	r.hold(t, s.finish(), limits{duplicates: 1, memory: memoryCap})
}

// resumes waits until labels come that did not before, and gives how long that took.
func (c *scene) resumes(atMost time.Duration) time.Duration {
	c.t.Helper()
	before := c.verifier.labelled()
	return eventually(c.t, atMost, "labels come again", func() bool { return c.verifier.labelled() > before })
}

// labelled is how many flows have their label.
func (v *verifier) labelled() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.flows) - v.unlabeled
}

package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

// slowTimeout is how long a call may take here, as SERVEFLOW_SLOW_TIMEOUT says.
const slowTimeout = 2 * time.Second

// hangModel has the model loop without end. A core is then busy for as long as a call
// may take, which on a machine of two cores slows down all that runs there, the broker
// and the bench too. So the fast answers are held against those of the same member
// beside a process that burns a core while its model is well: what is beyond that is
// the cascade's fault.
func hangModel(t *testing.T, r *row, broker string) {
	const warm = 2 * time.Second
	s, m := sickScene(t, broker, "hang", 6)
	calm, spell := choose(5*time.Second, 20*time.Second), choose(8*time.Second, 60*time.Second)
	closing := choose(6*time.Second, 60*time.Second) // at most: then the breaker lets go
	s.send(traffic{flows: 300 * int((warm + 2*calm + spell + closing).Seconds()), rate: 300})
	time.Sleep(warm)
	began := time.Now()
	time.Sleep(calm)
	lit := time.Now()
	burn(t, calm)
	fell := time.Now()
	hangs, opened, poisoned := s.hang(m, spell)
	if m.ready() != nil {
		t.Errorf("labels flow, but it is not ready: %v", m.ready())
	}
	again := eventually(t, time.Minute, "the breaker is closed again", func() bool { return m.metric("serveflow_breaker_state") == 0 })
	s.enough()
	s.settle(time.Minute)
	openings := m.metric("serveflow_breaker_openings_total")
	y := s.finish()
	answers, others := s.answers(t)
	well, beside, sick := p99(answers, period{began, lit}), p99(answers, period{lit, fell}), p99(answers, hangs...)
	load, _ := os.ReadFile("/proc/loadavg") // what else the machine does tells what the ratios are worth
	r.saw("first stage, packet to label, p99 %.1f ms, beside a process that burns a core %.1f ms, while a call hangs %.1f ms: %.2f times the second, %.2f times the first (load %.4s)",
		well*1e3, beside*1e3, sick*1e3, sick/beside, sick/well, load)
	r.saw("open after %.1f s, %v times in %v, closed %.1f s after the last bad flow; %d calls given up", opened.Seconds(), openings, spell, again.Seconds(), len(hangs))
	if others != poisoned {
		t.Errorf("%d of %d bad flows have a label", others, poisoned)
	}
	if opened == 0 || opened > 5*time.Second {
		t.Errorf("the breaker opened after %v, 5 s are allowed", opened)
	}
	if well == 0 || sick == 0 || sick > 1.2*beside {
		t.Errorf("p99 of fast answers is %.2f ms while a call hangs, %.2f ms beside a process that burns a core", sick*1e3, beside*1e3)
	}
	r.hold(t, y, limits{wait: 10 * time.Second, exceptions: true})
}

// hang sends bad flows for a while. It gives the times in which a call hung, how long
// the breaker took to open, and how many flows it sent.
func (c *scene) hang(m *member, spell time.Duration) (hangs []period, opened time.Duration, poisoned int) {
	c.t.Helper()
	for fell := time.Now(); time.Since(fell) < spell; poisoned++ {
		c.sicken(1, poisoned)
		time.Sleep(200 * time.Millisecond)
		now := time.Now()
		if int(m.metric("serveflow_slow_abandoned_total")) > len(hangs) { // flows' calls and probes
			hangs = append(hangs, period{now.Add(-slowTimeout), now})
		}
		if opened == 0 && m.metric("serveflow_breaker_openings_total") > 0 {
			opened = now.Sub(fell)
		}
		if stuck := m.metric("serveflow_slow_stuck_calls"); stuck > 1 {
			c.t.Errorf("%v calls hang at once, and each burns a core", stuck)
		}
	}
	return hangs, opened, poisoned
}

// burn keeps a core busy for a while, as a model does that loops without end.
func burn(t *testing.T, spell time.Duration) {
	t.Helper()
	p, err := process.Start(exec.Command("sh", "-c", "while :; do :; done"), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	time.Sleep(spell)
}

// period is a stretch of time.
type period struct{ from, to time.Time }

// p99 is the median of the seconds' own 99th percentiles over whole seconds of the
// periods: a single hiccup of the machine then does not decide.
func p99(all []answer, periods ...period) float64 {
	var each []float64
	for _, p := range periods {
		for from := p.from; !from.Add(time.Second).After(p.to); from = from.Add(time.Second) {
			var second []float64
			for _, a := range all {
				if since := a.at - float64(from.UnixMicro())/1e6; since >= 0 && since < 1 {
					second = append(second, a.after)
				}
			}
			if slices.Sort(second); len(second) > 0 {
				each = append(each, second[len(second)*99/100])
			}
		}
	}
	if len(each) == 0 {
		return 0
	}
	slices.Sort(each)
	return each[len(each)/2]
}

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

// slowTimeout is SERVEFLOW_SLOW_TIMEOUT of these rows: how long a model call may take.
const slowTimeout = 2 * time.Second

// hangModel makes the slow model loop forever. Then one core is busy until the call times
// out. On a machine of two cores that slows everything down, also the broker and the bench.
// Therefore the delays of the fast answers are compared with those of the same member while
// its model is healthy and another process burns a core. Only a difference beyond that is a
// fault of the cascade.
func hangModel(t *testing.T, r *row, broker string) {
	const warmup = 2 * time.Second
	h, m := newBadModelHarness(t, broker, "hang", 6)
	baseline, faultTime := choose(5*time.Second, 20*time.Second), choose(8*time.Second, 60*time.Second)
	closeTime := choose(6*time.Second, 60*time.Second) // the longest time until the breaker closes
	h.send(traffic{flows: 300 * int((warmup + 2*baseline + faultTime + closeTime).Seconds()), rate: 300})
	time.Sleep(warmup)
	baselineStart := time.Now()
	time.Sleep(baseline)
	burnStart := time.Now()
	burnCPU(t, m, baseline)
	faultStart := time.Now()
	hangs, opened, badFlows := h.sendHangingFlows(m, faultTime)
	if m.ready() != nil {
		t.Errorf("labels flow, but it is not ready: %v", m.ready())
	}
	closedAfter := eventually(t, time.Minute, "the breaker is closed again", func() bool { return m.metric("serveflow_breaker_state") == 0 })
	h.stopSending()
	h.settle(time.Minute)
	openings := m.metric("serveflow_breaker_openings_total")
	res := h.finish()
	answers, labelled := h.readAnswers(t)
	healthy, busy, hanging := p99(answers, period{baselineStart, burnStart}), p99(answers, period{burnStart, faultStart}), p99(answers, hangs...)
	var andAfter []period // an answer that waited comes when the call was given up
	for _, h := range hangs {
		andAfter = append(andAfter, period{h.from, h.to.Add(slowTimeout / 4)})
	}
	worst, whileHanging := longest(answers, andAfter...)
	load, _ := os.ReadFile("/proc/loadavg") // the ratios mean little while the machine has other work
	r.note("first stage, packet to label, p99 %.1f ms, beside a process that burns a core %.1f ms, while a call hangs %.1f ms: %.2f times the second, %.2f times the first (load %.4s)",
		healthy*1e3, busy*1e3, hanging*1e3, hanging/busy, hanging/healthy, load)
	r.note("open after %.1f s, %v times in %v, closed %.1f s after the last bad flow; %d calls given up", opened.Seconds(), openings, faultTime, closedAfter.Seconds(), len(hangs))
	if labelled != badFlows {
		t.Errorf("%d of %d bad flows have a label", labelled, badFlows)
	}
	if opened == 0 || opened > 5*time.Second {
		t.Errorf("the breaker opened after %v, 5 s are allowed", opened)
	}
	// One that waits for a hanging call waits for its timeout, or for that of a call behind it.
	if r.note("%d fast answers while a call hung, the longest wait %.2f s", whileHanging, worst); worst > slowTimeout.Seconds()/2 {
		t.Errorf("a fast answer took %.2f s while a call hung", worst)
	}
	if healthy == 0 || hanging == 0 {
		t.Errorf("no fast answers for a whole second: p99 %v before the hang, %v while a call hung", healthy, hanging)
	}
	// A few seconds on a machine that others use, too, say nothing about a fifth.
	if long() && hanging > 1.2*busy {
		t.Errorf("p99 of fast answers is %.2f ms while a call hangs, %.2f ms beside a process that burns a core", hanging*1e3, busy*1e3)
	}
	r.check(t, res, limits{wait: 10 * time.Second, exceptions: true})
}

// sendHangingFlows sends bad flows for faultTime. It returns the periods in which a call hung,
// how long the breaker took to open, and how many flows were sent.
func (h *harness) sendHangingFlows(m *member, faultTime time.Duration) (hangs []period, opened time.Duration, badFlows int) {
	h.t.Helper()
	for start := time.Now(); time.Since(start) < faultTime; badFlows++ {
		h.sendBadFlows(1, badFlows)
		abandoned, openings, stuck := lookAtSlowStage(m)
		now := time.Now()
		if int(abandoned) > len(hangs) { // flows' calls and probes
			hangs = append(hangs, period{now.Add(-slowTimeout), now})
		}
		if opened == 0 && openings > 0 {
			opened = now.Sub(start)
		}
		if stuck > 1 {
			h.t.Errorf("%v calls hang at once, and each burns a core", stuck)
		}
	}
	return hangs, opened, badFlows
}

// lookAtSlowStage waits a moment and asks for the slow stage's metrics. That costs the member
// time, so it is done beside the hanging model and beside the burning process alike.
func lookAtSlowStage(m *member) (abandoned, openings, stuck float64) {
	time.Sleep(200 * time.Millisecond)
	return m.metric("serveflow_slow_abandoned_total"), m.metric("serveflow_breaker_openings_total"), m.metric("serveflow_slow_stuck_calls")
}

// burnCPU keeps one core busy, as a model does that loops forever.
func burnCPU(t *testing.T, m *member, duration time.Duration) {
	t.Helper()
	p, err := process.Start(exec.Command("sh", "-c", "while :; do :; done"), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	for until := time.Now().Add(duration); time.Now().Before(until); {
		lookAtSlowStage(m)
	}
}

// longest returns the longest delay of the answers in the periods, in seconds, and how many
// answers these are.
func longest(all []fastAnswer, periods ...period) (worst float64, count int) {
	for _, p := range periods {
		for _, a := range all {
			if at := time.UnixMicro(int64(a.at * 1e6)); !at.Before(p.from) && at.Before(p.to) {
				worst, count = max(worst, a.delay), count+1
			}
		}
	}
	return worst, count
}

// period is a period of time.
type period struct{ from, to time.Time }

// p99 returns the 99th percentile of the answers' delays, in seconds: the median of the
// percentiles of each whole second in the periods, so that one short pause of the machine
// does not decide.
func p99(all []fastAnswer, periods ...period) float64 {
	var each []float64
	for _, p := range periods {
		for from := p.from; !from.Add(time.Second).After(p.to); from = from.Add(time.Second) {
			var second []float64
			for _, a := range all {
				if since := a.at - float64(from.UnixMicro())/1e6; since >= 0 && since < 1 {
					second = append(second, a.delay)
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

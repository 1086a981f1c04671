package faults

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// reloadSoon has members look for other bundles often.
const reloadSoon = "SERVEFLOW_RELOAD_EVERY=100ms"

// Faults while bundles change.
func TestFaultsSwaps(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	broker := kafkatest.Start(t).Addr
	for _, f := range []struct {
		fault, target string
		do            func(*testing.T, *row, string)
	}{
		{"a bundle swapped again and again under load", "lost 0; labels equal replay's under the bundle that they name; at most 32 MiB more; goroutines, file descriptors flat", swapUnderLoad},
		{"kill -9 while bundles are swapped, three tasks", "lost 0 of each task; duplicates all equal; no flow has labels of two bundles", killDuringSwaps},
		{"members join and leave while bundles are swapped, three tasks", "lost 0 of each task; duplicates at most 5%, all equal; no flow has labels of two bundles", rebalanceDuringSwaps},
		{"one task's slow model hangs while another's bundle is swapped", "lost 0 of each task; the other tasks' labels equal replay's; the hanging bundle is swapped out", hangDuringSwaps},
	} {
		run(t, f.fault, f.target, func(t *testing.T, r *row) {
			t.Parallel()
			f.do(t, r, broker)
		})
	}
}

// swapUnderLoad swaps the bundle of a member that is at work. Of five swaps one goes to a
// bundle that is not in memory, as soon as no flow needs the one before the last; the others go
// back and forth, to the one before where a flow still needs it.
func swapUnderLoad(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, versions: 3, settings: append(shortTimeouts(), reloadSoon)})
	m := h.start(1)[0]
	h.awaitReady()
	h.send(traffic{flows: choose(60_000, 2_000_000), rate: choose(200., 300)}) // more than it comes to
	before := m.metric("process_resident_memory_bytes")
	swaps, warmup := 0, choose(3, 100) // warmup: swaps after which memory may grow no more
	early, late := gauges{}, gauges{}
	for version := 0; swaps < choose(10, 1000); swaps++ {
		if version++; swaps%5%2 == 1 {
			version -= 2
		}
		h.pointTo("service", version%h.cfg.versions)
		eventually(t, time.Minute, "the other bundle is served", func() bool { return h.swapped() == float64(swaps+1) })
		switch {
		case swaps >= 2*warmup:
			late.sample([]*member{m})
		case swaps >= warmup:
			early.sample([]*member{m})
		}
	}
	h.stopSending()
	h.settle(time.Minute)
	eventually(t, time.Minute, "the bundles before are freed", func() bool { return m.metric("serveflow_bundles_held") == 1 })
	r.note("%d swaps; %.0f MiB before; %s", swaps, before/(1<<20), late.against(early))
	for name := range soakMetrics {
		before, after := early.mean(name), late.mean(name)
		if name == "MiB" && after > before+32 || name != "MiB" && after > 1.1*before {
			t.Errorf("%s rose from %.0f to %.0f", name, before, after)
		}
	}
	r.check(t, h.finish(), limits{})
}

// newSwapHarness is for rows of three tasks.
func newSwapHarness(t *testing.T, broker string) *harness {
	t.Helper()
	return newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, versions: 4, settings: append(shortTimeouts(), reloadSoon),
		bundles: map[string]string{"toy": toyBundle, "other": toyBundle}})
}

// killDuringSwaps kills random members. Every second time it is within a second of a swap: the
// member may have swapped, or be about to, and have written labels of both bundles.
func killDuringSwaps(t *testing.T, r *row, broker string) {
	h := newSwapHarness(t, broker)
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(6000, 200_000), rate: 250})
	kills, rng := 0, rand.New(rand.NewPCG(2, 2))
	for ; h.sending(); kills++ {
		time.Sleep(choose(7*time.Second, 10*time.Second+time.Duration(rng.Int64N(10e9))))
		if kills%2 == 0 {
			h.swap("service", "toy")
			time.Sleep(time.Duration(rng.Int64N(1e9)))
		}
		running := h.running()
		running[rng.IntN(len(running))].process.Kill()
		h.start(1)
	}
	h.settle(2 * time.Minute)
	h.awaitReady() // the last one may have just begun, and could take no signal yet
	r.note("%d kills, every second one within a second of a swap", kills)
	h.checkSwaps(r, limits{duplicates: 1})
}

// rebalanceDuringSwaps adds or removes a member within a second of a swap.
func rebalanceDuringSwaps(t *testing.T, r *row, broker string) {
	h := newSwapHarness(t, broker)
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: choose(7500, 240_000), rate: 250})
	changes, rng := 0, rand.New(rand.NewPCG(3, 3))
	for ; h.sending(); changes++ {
		h.swap("service", "toy")
		time.Sleep(time.Duration(rng.Int64N(1e9)))
		if running := h.running(); len(running) > 2 {
			running[changes%3].stop()
		} else {
			h.start(1)
		}
		time.Sleep(4 * time.Second)
	}
	h.settle(2 * time.Minute)
	r.note("%d changes, each within a second of a swap", changes)
	h.checkSwaps(r, limits{duplicates: 0.05})
}

// checkSwaps checks the labels of all tasks.
func (h *harness) checkSwaps(r *row, allowed limits) {
	h.t.Helper()
	before := 0.
	for _, m := range h.running() {
		before += m.metric("serveflow_flows_labelled_before_total")
	}
	r.note("%.0f swaps in the members of the end, which left %.0f labels to those that were written", h.swapped(), before)
	res := h.finish()
	for task := range h.cfg.bundles {
		r.note("%s: %d labels came again", task, h.checkTask(task, res.flows))
	}
	r.check(h.t, res, allowed)
}

// hangDuringSwaps makes the slow model of the task toy loop forever, again and again, while the
// bundle of service is swapped. At last toy gets a bundle whose model answers.
func hangDuringSwaps(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, versions: 3,
		settings: append(shortTimeouts(), reloadSoon, "SERVEFLOW_SLOW_TIMEOUT="+slowTimeout.String()),
		bundles:  map[string]string{"toy": badModelBundle(t, "hang"), "other": toyBundle},
		injected: func(uid string) bool { return strings.HasPrefix(uid, "X") }})
	h.copyBundle(repository+"/bundles/service", "toy", h.cfg.versions)
	m := h.start(1)[0]
	h.awaitReady()
	h.send(traffic{flows: choose(5000, 50_000), rate: 200})
	badFlows, swaps := 0, 0.
	for begun := 0; begun < choose(3500, 45_000); begun, _ = h.sent.progress() {
		h.sendBadFlows(1, badFlows)
		badFlows++
		h.swap("service")
		swaps++
		eventually(t, time.Minute, "service's other bundle is served", func() bool { return h.swapped() == swaps })
	}
	abandoned, openings, _ := lookAtSlowStage(m)
	h.sendBadFlows(1, badFlows)
	badFlows++
	h.pointTo("toy", h.cfg.versions)
	out := eventually(t, time.Minute, "toy's hanging bundle is swapped out, its breaker closed", func() bool {
		return m.metric("serveflow_bundle_reloads_total", `task="toy"`, `outcome="swapped"`) == 1 && m.metric("serveflow_breaker_state", `task="toy"`) == 0 &&
			m.metric("serveflow_bundles_held", `task="toy"`) == 1
	})
	h.sendBadFlows(1, badFlows)
	badFlows++
	h.settle(time.Minute)
	r.note("%.0f swaps, %.0f calls given up, %.0f openings; the hanging bundle was out after %.1f s", swaps, abandoned, openings, out.Seconds())
	if abandoned == 0 || openings == 0 {
		t.Error("no call hung")
	}
	res := h.finish()
	for _, task := range []string{"service", "toy", "other"} {
		seen := map[string]bool{}
		for _, l := range kafkatest.ReadAll(t, broker, h.labelsOf(task)) {
			if uid := string(l.Key); h.cfg.injected(uid) {
				seen[uid] = true
			}
		}
		if len(seen) != badFlows {
			t.Errorf("task %s: %d of %d bad flows have a label", task, len(seen), badFlows)
		}
	}
	for task := range h.cfg.bundles {
		h.checkTask(task, res.flows)
	}
	r.check(t, res, limits{wait: 10 * time.Second})
}

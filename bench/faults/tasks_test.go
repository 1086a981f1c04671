package faults

import (
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// toyBundle is a small bundle of two stages.
const toyBundle = repository + "/cascade/bundle/testdata/mixed"

// killWithTasks kills members that serve three tasks on one pass. Service's labels are held
// against replay's as in every row; of the others every flow must have one, and those that
// come twice must be equal. A flow keeps its place in the log until the last task has
// labelled it, so that after a kill as many labels come twice as it was waiting for.
func killWithTasks(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: shortTimeouts(), bundles: map[string]string{"toy": toyBundle, "other": toyBundle}})
	res := h.killRepeatedly(r, 2, traffic{flows: choose(5000, 200_000), rate: 250})
	for task := range h.cfg.bundles {
		h.checkTask(task, res.flows)
	}
	r.check(t, res, limits{duplicates: 1})
}

// checkTask checks the labels of a task that is not compared with replay. Each flow has one.
// Those that come twice are equal, and so of one bundle. It returns how many come again.
func (h *harness) checkTask(task string, flows int) (again int) {
	h.t.Helper()
	firsts := map[string]label{}
	for _, m := range kafkatest.ReadAll(h.t, h.cfg.brokers[0], h.labelsOf(task)) {
		l, err := parseLabel(m.Value)
		if err != nil {
			h.t.Fatal(err)
		}
		flow, sent := h.sent.flowOf(l.UID)
		if !sent {
			continue
		}
		first, twice := firsts[l.UID]
		if !twice {
			firsts[l.UID] = l
			continue
		}
		again++
		cut := (first.Reason == "timeout" || l.Reason == "timeout") && h.sent.flow(flow).maxSilence > idleLimit
		switch {
		case first.ID != l.ID:
			h.t.Errorf("task %s: %s is labelled by %s, and again by %s", task, l.UID, first.Bundle, l.Bundle)
		case first.withoutProbabilities() != l.withoutProbabilities() && !cut && !first.exception() && !l.exception():
			h.t.Errorf("task %s: %s came twice, as %+v and as %+v", task, l.UID, first, l)
		}
	}
	if len(firsts) != flows {
		h.t.Errorf("task %s: %d flows have a label, want %d", task, len(firsts), flows)
	}
	return again
}

// workOffABacklog starts members when all is written: each slow stage has room for few, and
// no label may be worse than replay's for that.
func workOffABacklog(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: append(shortTimeouts(), "SERVEFLOW_SLOW_QUEUE=8")})
	h.send(traffic{flows: choose(4000, 200_000), rate: 2000})
	h.awaitWritten(time.Minute)
	time.Sleep(5 * time.Second) // the newest record is late, too
	h.start(2)
	h.awaitReady()
	h.awaitCommitted(2 * time.Minute)
	r.check(t, h.finish(), limits{})
}

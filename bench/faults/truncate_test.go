package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// truncateInput deletes records before they are read, as retention does. The members must say
// how many; they then stop or continue, as the setting says.
func truncateInput(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 3, settings: shortTimeouts()})
	first := h.start(1)[0]
	h.awaitReady()
	h.send(traffic{flows: 600, rate: 300})
	h.settle(time.Minute)
	first.stop()
	before, _ := h.sent.progress()

	h.send(traffic{flows: choose(1_200, 30_000), rate: 300})
	h.awaitWritten(time.Minute)
	committed, err := h.committed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ends, err := h.offsetRanges(t.Context(), h.name)
	if err != nil {
		t.Fatal(err)
	}
	cut, deleted := map[int]int64{}, int64(0)
	for partition, span := range ends {
		cut[partition] = (committed[partition] + span.end) / 2
		deleted += cut[partition] - committed[partition]
	}
	h.truncate(t, cut)

	stopped := h.start(1)[0]
	partition0 := fmt.Sprintf("%d of %s/", cut[0]-committed[0], h.name)
	eventually(t, time.Minute, "the member says how many records are gone", func() bool {
		why := stopped.ready()
		return why != nil && strings.Contains(why.Error(), "records were deleted before they were read") &&
			strings.Contains(why.Error(), "SERVEFLOW_SKIP_TRUNCATED")
	})
	eventually(t, time.Minute, "it counts them for each partition", func() bool { return strings.Contains(stopped.readLog(), partition0) })
	stopped.stop()
	if now, err := h.committed(t.Context()); err != nil || fmt.Sprint(now) != fmt.Sprint(committed) {
		t.Errorf("the member that stopped has committed %v, there was %v: %v", now, committed, err)
	}

	brave := h.start(1, "SERVEFLOW_SKIP_TRUNCATED=true")[0]
	h.awaitAllCommitted(t)
	if n := int64(brave.metric("serveflow_records_truncated_total")); n != deleted {
		t.Errorf("%d records are counted as lost, %d were deleted", n, deleted)
	}
	res := h.finish()
	whole, unlabelled := h.unlabelledFrom(before, cut)
	r.note("%d records deleted, all counted; %d of %d flows that had lost none are labelled", deleted, whole-unlabelled, whole)
	if unlabelled > 0 || res.unequalDuplicates+res.unknownLabels+res.commitsBack > 0 {
		t.Errorf("%d of %d flows that had lost no record have no label; %+v", unlabelled, whole, *res)
	}
}

// awaitAllCommitted waits until every record that is left is committed.
func (h *harness) awaitAllCommitted(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "everything that is left is committed", func() bool {
		_, lag, err := h.verifier.backlog()
		return err == nil && lag == 0
	})
}

// unlabelledFrom looks at the flows from number from on whose records are all above the cut. It
// returns how many these are, and how many of them have no label.
func (h *harness) unlabelledFrom(from int, cut map[int]int64) (whole, unlabelled int) {
	h.verifier.mu.Lock()
	defer h.verifier.mu.Unlock()
	n, _ := h.sent.progress()
	for flow := from; flow < n; flow++ {
		f := h.sent.flow(flow)
		if f.firstOffset < cut[int(f.partition)] {
			continue
		}
		whole++
		if flow >= len(h.verifier.flows) || h.verifier.flows[flow].finals == 0 {
			unlabelled++
		}
	}
	return whole, unlabelled
}

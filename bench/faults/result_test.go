package faults

import (
	"testing"
	"time"
)

// result is what the verifier of a row has counted.
type result struct {
	flows                 int            // that were sent
	lost                  int            // flows without a final label
	duplicates            int            // final labels after a flow's first
	unequalDuplicates     int            // duplicates that differ from the first in more than wall-clock fields
	excusedDuplicates     int            // duplicates that differ because one of the two is an exception
	mismatches            int            // labels that differ from replay's and are no exception
	exceptions            int            // labels with the reason degraded, breaker or evicted
	truncated             int            // labels of flows whose next packet could not be written before the idle timeout
	provisional           int            // provisional labels
	provisionalAfterFinal int            // of these, those after a final label of their flow
	misordered            int            // flows whose last label is provisional, or has the seq of an earlier one
	unknownLabels         int            // labels of flows that were not sent, and records that are no labels
	commitsAhead          int            // flows below a committed offset that have no label
	commitsBack           int            // committed offsets that went back
	maxWait               time.Duration  // the longest wait for a label after the flow's last packet was due
	slowest               string         // describes the flow of maxWait
	peakMemory            int64          // bytes: the largest resident memory of a member
	deadLetters           map[string]int // by reason
	failures              []string       // the first few of each kind
}

func (res *result) duplicateShare() float64 {
	return float64(res.duplicates) / float64(max(1, res.flows))
}

// limits are the limits of a row. A lost flow, an unequal duplicate and a committed offset
// above an unlabelled flow are never allowed.
type limits struct {
	duplicates float64       // as a share of the flows
	wait       time.Duration // 0: no limit
	memory     int64         // bytes; 0: no limit
	exceptions bool          // labels may be exceptions
}

// check fails the row where the result is beyond the limits.
func (r *row) check(t *testing.T, res *result, allowed limits) {
	t.Helper()
	r.result = res
	if res.exceptions > 0 {
		r.note("%d degraded, breaker or evicted", res.exceptions)
	}
	if res.truncated > 0 {
		r.note("%d flows cut short, as their packets could not be written for 3 s", res.truncated)
	}
	if res.provisional > 0 {
		r.note("%d provisional labels, %d of them again behind a final one, which came again, too", res.provisional, res.provisionalAfterFinal)
	}
	for _, fault := range res.failures {
		t.Error(fault)
	}
	if res.flows == 0 {
		t.Error("nothing was sent")
	}
	if res.lost > 0 {
		t.Errorf("%d of %d flows have no label", res.lost, res.flows)
	}
	if res.duplicateShare() > allowed.duplicates {
		t.Errorf("%d duplicates of %d flows: %.2f%% are allowed", res.duplicates, res.flows, 100*allowed.duplicates)
	}
	if allowed.wait > 0 && res.maxWait > allowed.wait {
		t.Errorf("a flow waited %v for its label, %v is allowed", res.maxWait, allowed.wait)
	}
	if allowed.memory > 0 && res.peakMemory > allowed.memory {
		t.Errorf("%d MiB resident, %d are allowed", res.peakMemory>>20, allowed.memory>>20)
	}
	if res.excusedDuplicates > 0 {
		r.note("%d duplicates differ, as one of the two is such a label", res.excusedDuplicates)
	}
	if res.exceptions+res.excusedDuplicates > 0 && !allowed.exceptions {
		t.Errorf("%d labels are degraded or evicted", res.exceptions+res.excusedDuplicates)
	}
	t.Logf("%+v", *res)
}

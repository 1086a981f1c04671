package faults

import (
	"testing"
	"time"
)

// tally is what the verifier of a scene counted.
type tally struct {
	flows       int
	lost        int            // flows without a final label
	duplicates  int            // final labels beyond a flow's first
	unequal     int            // duplicates that differ from the first in more than wall-clock fields
	otherwise   int            // duplicates that differ, one of them being such an exception
	differ      int            // labels other than replay's, but for those with a reason of their own
	exceptions  int            // labels that say themselves why: degraded, breaker, evicted
	cut         int            // labels of flows whose next packet could not be written for as long as a flow may be silent
	provisional int            // provisional labels
	behind      int            // of them, behind a final one of their flow
	late        int            // flows whose provisional label came last, or claims to
	unknown     int            // labels of flows that were not sent, or no label records at all
	above       int            // flows below a committed offset and without a label
	back        int            // committed offsets that went back
	wait        time.Duration  // the longest that a flow waited for its label, from when its first record was written, beyond what it waits for packets
	slowest     string         // that flow, in words
	memory      int64          // bytes: the most that one member had resident
	dead        map[string]int // dead letters by reason
	faults      []string       // the first of each kind, in words
}

func (y *tally) duplicateShare() float64 { return float64(y.duplicates) / float64(max(1, y.flows)) }

// limits are what a row allows. What is not here is never allowed: a lost flow, an
// unequal duplicate, a commit above the low watermark.
type limits struct {
	duplicates float64       // share of the flows
	wait       time.Duration // 0: any
	memory     int64         // bytes; 0: any
	exceptions bool          // labels may be degraded, breaker or evicted
}

// hold fails the row where a scene's tally is beyond its limits.
func (r *row) hold(t *testing.T, y *tally, allowed limits) {
	t.Helper()
	r.tally = y
	if y.exceptions > 0 {
		r.saw("%d degraded, breaker or evicted", y.exceptions)
	}
	if y.cut > 0 {
		r.saw("%d flows cut short, as their packets could not be written for 3 s", y.cut)
	}
	if y.provisional > 0 {
		r.saw("%d provisional labels, %d of them again behind a final one, which came again, too", y.provisional, y.behind)
	}
	for _, fault := range y.faults {
		t.Error(fault)
	}
	if y.flows == 0 {
		t.Error("nothing was sent")
	}
	if y.lost > 0 {
		t.Errorf("%d of %d flows have no label", y.lost, y.flows)
	}
	if y.duplicateShare() > allowed.duplicates {
		t.Errorf("%d duplicates of %d flows: %.2f%% are allowed", y.duplicates, y.flows, 100*allowed.duplicates)
	}
	if allowed.wait > 0 && y.wait > allowed.wait {
		t.Errorf("a flow waited %v for its label, %v is allowed", y.wait, allowed.wait)
	}
	if allowed.memory > 0 && y.memory > allowed.memory {
		t.Errorf("%d MiB resident, %d are allowed", y.memory>>20, allowed.memory>>20)
	}
	if y.otherwise > 0 {
		r.saw("%d duplicates differ, as one of the two is such a label", y.otherwise)
	}
	if y.exceptions+y.otherwise > 0 && !allowed.exceptions {
		t.Errorf("%d labels are degraded or evicted", y.exceptions+y.otherwise)
	}
	t.Logf("%+v", *y)
}

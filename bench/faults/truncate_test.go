package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// truncateInput deletes records that nobody has read yet, as retention does: the
// members must say how many, and stop or go on by setting.
func truncateInput(t *testing.T, r *row, broker string) {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 3, settings: quick()})
	first := s.start(1)[0]
	s.await()
	s.send(traffic{flows: 600, rate: 300})
	s.settle(time.Minute)
	first.stop()
	before, _ := s.sent.sent()

	s.send(traffic{flows: choose(1_200, 30_000), rate: 300})
	s.written(time.Minute)
	committed, err := s.committed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ends, err := s.ends(t.Context(), s.name)
	if err != nil {
		t.Fatal(err)
	}
	cut, deleted := map[int]int64{}, int64(0)
	for partition, span := range ends {
		cut[partition] = (committed[partition] + span.end) / 2
		deleted += cut[partition] - committed[partition]
	}
	s.truncate(t, cut)

	stopped := s.start(1)[0]
	partition0 := fmt.Sprintf("%d of %s/", cut[0]-committed[0], s.name)
	eventually(t, time.Minute, "the member says how many records are gone", func() bool {
		why := stopped.ready()
		return why != nil && strings.Contains(why.Error(), "records were deleted before they were read") &&
			strings.Contains(why.Error(), "SERVEFLOW_SKIP_TRUNCATED")
	})
	eventually(t, time.Minute, "it counts them for each partition", func() bool { return strings.Contains(stopped.text(), partition0) })
	stopped.stop()
	if now, err := s.committed(t.Context()); err != nil || fmt.Sprint(now) != fmt.Sprint(committed) {
		t.Errorf("the member that stopped has committed %v, there was %v: %v", now, committed, err)
	}

	brave := s.start(1, "SERVEFLOW_SKIP_TRUNCATED=true")[0]
	s.allCommitted(t)
	if n := int64(brave.metric("serveflow_records_truncated_total")); n != deleted {
		t.Errorf("%d records are counted as lost, %d were deleted", n, deleted)
	}
	y := s.finish()
	whole, unlabelled := s.unlabelledFrom(before, cut)
	r.saw("%d records deleted, all counted; %d of %d flows that had lost none are labelled", deleted, whole-unlabelled, whole)
	if unlabelled > 0 || y.unequal+y.unknown+y.back > 0 {
		t.Errorf("%d of %d flows that had lost no record have no label; %+v", unlabelled, whole, *y)
	}
}

// allCommitted waits until everything that is left is committed.
func (c *scene) allCommitted(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "everything that is left is committed", func() bool {
		_, lag, err := c.verifier.behind()
		return err == nil && lag == 0
	})
}

// unlabelledFrom counts, from a flow on, those whose records all lie above the cut,
// and of these the ones without a label.
func (c *scene) unlabelledFrom(from int, cut map[int]int64) (whole, unlabelled int) {
	c.verifier.mu.Lock()
	defer c.verifier.mu.Unlock()
	n, _ := c.sent.sent()
	for flow := from; flow < n; flow++ {
		f := c.sent.get(flow)
		if f.first < cut[int(f.partition)] {
			continue
		}
		whole++
		if flow >= len(c.verifier.flows) || c.verifier.flows[flow].finals == 0 {
			unlabelled++
		}
	}
	return whole, unlabelled
}

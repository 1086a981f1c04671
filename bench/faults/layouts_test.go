package faults

import (
	"fmt"
	"testing"
	"time"
)

// varyLayout labels the same flows with other numbers of partitions, members and flows in a
// slow batch. Each layout must give the labels of replay, which is one worker over one file.
func varyLayout(t *testing.T, r *row, broker string) {
	type layout struct{ partitions, members, batch int }
	layouts := []layout{{1, 1, 1}, {3, 2, 8}, {12, 3, 32}}
	if long() {
		layouts = nil
		for _, partitions := range []int{1, 3, 12} {
			for members := 1; members <= 3; members++ {
				for _, batch := range []int{1, 2, 7, 32} {
					layouts = append(layouts, layout{partitions, members, batch})
				}
			}
		}
	}
	res := &result{}
	for _, lay := range layouts {
		h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: lay.partitions,
			settings: append(shortTimeouts(), fmt.Sprintf("SERVEFLOW_SLOW_BATCH=%d", lay.batch))})
		h.start(lay.members)
		h.awaitReady()
		h.send(traffic{flows: choose(1000, 10_000), rate: choose(500., 1000)})
		h.settle(time.Minute)
		res.add(h.finish())
	}
	r.note("%d shapes", len(layouts))
	r.check(t, res, limits{})
}

// add adds the counts of another result.
func (res *result) add(other *result) {
	for sum, n := range map[*int]int{&res.flows: other.flows, &res.lost: other.lost, &res.duplicates: other.duplicates,
		&res.unequalDuplicates: other.unequalDuplicates, &res.mismatches: other.mismatches, &res.exceptions: other.exceptions,
		&res.truncated: other.truncated, &res.misordered: other.misordered, &res.unknownLabels: other.unknownLabels,
		&res.commitsAhead: other.commitsAhead, &res.commitsBack: other.commitsBack} {
		*sum += n
	}
	res.maxWait, res.peakMemory = max(res.maxWait, other.maxWait), max(res.peakMemory, other.peakMemory)
	res.failures = append(res.failures, other.failures...)
}

package faults

import (
	"fmt"
	"testing"
	"time"
)

// spreadInput has the same flows labelled by groups of other shapes. Each must give
// what replay gives, which is one worker over one file.
func spreadInput(t *testing.T, r *row, broker string) {
	type shape struct{ partitions, members, batch int }
	shapes := []shape{{1, 1, 1}, {3, 2, 8}, {12, 3, 32}}
	if long() {
		shapes = nil
		for _, partitions := range []int{1, 3, 12} {
			for members := 1; members <= 3; members++ {
				for _, batch := range []int{1, 2, 7, 32} {
					shapes = append(shapes, shape{partitions, members, batch})
				}
			}
		}
	}
	all := &tally{}
	for _, h := range shapes {
		s := newScene(t, setup{brokers: []string{broker}, partitions: h.partitions,
			settings: append(quick(), fmt.Sprintf("SERVEFLOW_SLOW_BATCH=%d", h.batch))})
		s.start(h.members)
		s.await()
		s.send(traffic{flows: choose(1000, 10_000), rate: choose(500., 1000)})
		s.settle(time.Minute)
		all.add(s.finish())
	}
	r.saw("%d shapes", len(shapes))
	r.hold(t, all, limits{})
}

// add sums up another scene's tally.
func (y *tally) add(z *tally) {
	for into, n := range map[*int]int{&y.flows: z.flows, &y.lost: z.lost, &y.duplicates: z.duplicates, &y.unequal: z.unequal, &y.differ: z.differ,
		&y.exceptions: z.exceptions, &y.cut: z.cut, &y.late: z.late, &y.unknown: z.unknown, &y.above: z.above, &y.back: z.back} {
		*into += n
	}
	y.wait, y.memory = max(y.wait, z.wait), max(y.memory, z.memory)
	y.faults = append(y.faults, z.faults...)
}

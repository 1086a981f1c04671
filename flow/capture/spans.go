package capture

import (
	"cmp"
	"slices"
)

// span is a range of byte positions, end not in it.
type span struct{ start, end uint64 }

// spans are ranges in order that neither touch nor overlap.
type spans []span

// add adds a range, and merges what then touches.
func (s *spans) add(start, end uint64) {
	first, _ := slices.BinarySearchFunc(*s, start, func(have span, start uint64) int { return cmp.Compare(have.end, start) })
	last := first
	for last < len(*s) && (*s)[last].start <= end {
		start, end = min(start, (*s)[last].start), max(end, (*s)[last].end)
		last++
	}
	*s = slices.Replace(*s, first, last, span{start, end})
}

// dropBelow forgets the ranges that end at or before seq.
func (s *spans) dropBelow(seq uint64) {
	n := 0
	for n < len(*s) && (*s)[n].end <= seq {
		n++
	}
	*s = slices.Delete(*s, 0, n)
}

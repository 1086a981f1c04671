package capture

import (
	"cmp"
	"slices"
)

// byteRange is a range of byte positions. end is not in it.
type byteRange struct{ start, end uint64 }

// rangeSet is a set of ranges in order, which neither touch nor overlap.
type rangeSet []byteRange

// add adds a range, and merges those that then touch.
func (s *rangeSet) add(start, end uint64) {
	first, _ := slices.BinarySearchFunc(*s, start, func(have byteRange, start uint64) int { return cmp.Compare(have.end, start) })
	last := first
	for last < len(*s) && (*s)[last].start <= end {
		start, end = min(start, (*s)[last].start), max(end, (*s)[last].end)
		last++
	}
	*s = slices.Replace(*s, first, last, byteRange{start, end})
}

// dropBelow removes the ranges that end at or before seq.
func (s *rangeSet) dropBelow(seq uint64) {
	n := 0
	for n < len(*s) && (*s)[n].end <= seq {
		n++
	}
	*s = slices.Delete(*s, 0, n)
}

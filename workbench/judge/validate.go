package judge

import (
	"fmt"
	"slices"
	"strings"
)

// Validate refuses a sample that says nothing: no known flow of a class, or none that has a label.
// The error says how to mend it.
func (s *Sample) Validate() error {
	f := s.flows()
	switch {
	case f.OfClass == 0:
		return fmt.Errorf("none of the %d known labels is a class of the bundle: the file has %s, and the bundle %s; name the bundle that knows these labels by --task or --bundle, or spell them as its classes",
			f.Known, some(s.labels()), some(s.Classes))
	case f.Unlabelled == f.Known && s.shifted > 0:
		when := "later"
		if s.shift < 0 {
			when = "earlier"
		}
		return fmt.Errorf("none of the %d known flows is among the %d of the records at its time, but %d have the addresses and ports of flows that begin %v %s; mend the times of the labels file, such as a zone that is not UTC",
			f.Known, f.Other, s.shifted, s.shift.Abs(), when)
	case f.Unlabelled == f.Known:
		return fmt.Errorf("none of the %d known flows is among the %d of the records; give the records of the flows that are labelled", f.Known, f.Other)
	}
	return nil
}

// labels are the known ones, sorted.
func (s *Sample) labels() (all []string) {
	for _, c := range s.known() {
		all = append(all, c.Truth)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// some are a few of the names, as a list.
func some(names []string) string {
	const most = 6
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

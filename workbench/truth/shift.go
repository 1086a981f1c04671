package truth

import (
	"maps"
	"slices"
	"time"
)

// Shift looks for a clock that is wrong: by how much connections begin later than the known flows
// with their ends. It is the difference, to the second, that most flows share, and how many these
// are. 0 of them where fewer than half of the flows that have the ends of a connection share it.
func (f *Flows) Shift(connections []Connection) (by time.Duration, flows int) {
	begins := map[Ends][]int64{}
	for _, c := range connections {
		begins[c.Ends] = append(begins[c.Ends], c.First)
	}
	shared, alike := map[time.Duration]int{}, 0
	for _, k := range f.All {
		if k.UID != "" || len(begins[k.Ends]) == 0 {
			continue
		}
		alike++
		seen := map[time.Duration]bool{}
		for _, first := range begins[k.Ends] {
			apart := (time.Duration(first-k.First) * time.Microsecond).Round(time.Second)
			if !seen[apart] {
				seen[apart] = true
				shared[apart]++
			}
		}
	}
	for _, apart := range slices.Sorted(maps.Keys(shared)) {
		if n := shared[apart]; n > flows && 2*n >= alike {
			by, flows = apart, n
		}
	}
	return by, flows
}

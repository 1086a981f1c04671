package annotate

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// maxTold bounds how many different names without a pattern, and shifts of time, a report counts.
const maxTold = 10_000

// tally counts what a report tells of the rows of a source that gave no label.
type tally struct {
	names  map[Name]int          // without a pattern
	shifts map[time.Duration]int // of rows against flows with their addresses and ports, to the second
}

func newTally() tally { return tally{map[Name]int{}, map[time.Duration]int{}} }

// count counts one more, if there is room.
func count[K comparable](of map[K]int, what K) {
	if len(of) < maxTold || of[what] > 0 {
		of[what]++
	}
}

// shift notes by how much a row begins later than each flow with its addresses and ports.
func (c tally) shift(t *Table, r *row) {
	var seen []time.Duration
	for _, i := range t.between(r.ends) {
		apart := (time.Duration(r.first-t.flows[i].first) * time.Microsecond).Round(time.Second)
		if !slices.Contains(seen, apart) && len(seen) < 100 {
			seen = append(seen, apart)
			count(c.shifts, apart)
		}
	}
}

// tell writes the counts into a report. A shift is told of where at least half of the rows at other
// times share it, and two at least: a wrong clock or zone shifts all of them.
func (c tally) tell(rep *Report) {
	for name, n := range c.names {
		name.Rows = n
		rep.Names = append(rep.Names, name)
	}
	slices.SortFunc(rep.Names, func(a, b Name) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server))
	})
	late := 0
	for _, s := range rep.Skips {
		if s.Why == string(skipTime) {
			late = s.Rows
		}
	}
	for _, apart := range slices.Sorted(maps.Keys(c.shifts)) {
		if n := c.shifts[apart]; n > max(1, rep.Shifted) && 2*n >= late {
			rep.Shift, rep.Shifted = apart, n
		}
	}
}

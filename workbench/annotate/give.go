package annotate

import (
	"maps"
	"slices"
)

// find looks for the flows of a row. It returns why there are none.
func (l *Labeller) find(r *row) skip {
	var any bool
	byUID := r.uid != ""
	if byUID {
		l.found, any = l.table.withUID(l.found[:0], r)
	} else {
		l.found, any = l.table.during(l.found[:0], r.ends, r.first, r.last, l.opt.Slack.Microseconds())
	}
	switch {
	case len(l.found) > 0:
		return ""
	case byUID && any:
		return skipTuple
	case byUID:
		return skipUID
	case any:
		return skipTime
	}
	return skipEnds
}

// give gives a flow a label, if no earlier source has.
func (l *Labeller) give(rep *Report, f *flow, label string, rank int64) {
	this := uint16(len(l.source))
	number, ok := l.number[label]
	if !ok {
		number = uint32(len(l.labels))
		l.labels, l.number[label] = append(l.labels, label), number
	}
	switch {
	case f.source == 0:
		f.label, f.source, f.rank = number, this, rank
	case f.source == this:
		if f.label != number {
			rep.Within++
		}
		if rank < f.rank {
			f.label, f.rank = number, rank
		}
	case f.counted == this: // by another row
	case f.label == number:
		f.counted = this
		rep.Agree++
	default:
		f.counted = this
		rep.Differ++
	}
}

// name notes that the flows that were found have a name, if none that is a label.
func (l *Labeller) name() {
	for _, i := range l.found {
		l.table.flows[i].named = true
	}
}

// Rest gives the flows of which no source says anything a label. It returns how many they are,
// and how many stay without one, because they have a name that is no label: an alert that the
// rules do not know is not benign.
func (l *Labeller) Rest(label string) (n, named int) {
	l.source = append(l.source, "rest")
	rep := &Report{}
	for _, i := range l.table.order {
		switch f := &l.table.flows[i]; {
		case f.source > 0:
		case f.named:
			named++
		default:
			l.give(rep, f, label, 0)
			n++
		}
	}
	return n, named
}

// Counts is how many flows have each label, and how many each source labelled.
func (l *Labeller) Counts() (byLabel, bySource map[string]int) {
	byLabel, bySource = map[string]int{}, map[string]int{}
	for _, i := range l.table.order {
		if f := &l.table.flows[i]; f.source > 0 {
			byLabel[l.labels[f.label]]++
			bySource[l.source[f.source-1]]++
		}
	}
	return byLabel, bySource
}

// Labels are the labels that flows have, in alphabetical order.
func (l *Labeller) Labels() []string {
	byLabel, _ := l.Counts()
	return slices.Sorted(maps.Keys(byLabel))
}

// Sources are the names of the sources, in their order; "rest" is the last one, if Rest was called.
func (l *Labeller) Sources() []string { return l.source }

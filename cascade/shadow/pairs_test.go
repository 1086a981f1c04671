package shadow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// compare builds pairs of a share; count gives a metric's value, of a label pair "main shadow".
func compare(share Share) (p *Pairs, count func(pair string) float64, unpaired func() float64) {
	m := NewMetrics(prometheus.NewRegistry())
	return NewPairs(share, m), func(pair string) float64 {
		return testutil.ToFloat64(m.pairs.WithLabelValues(strings.Fields(pair)...))
	}, func() float64 { return testutil.ToFloat64(m.unpaired) }
}

func TestPairsAreCountedByClass(t *testing.T) {
	p, count, unpaired := compare(1)
	say := func(label string) Answer { return Answer{Label: label, Classes: mostClasses} }
	p.Main("C1", say("a"))
	p.Shadow("C1", say("a"))
	p.Shadow("C2", say("b")) // whichever comes first
	p.Main("C2", say("a"))
	p.Main("C3", say("b")) // labelled again, after a rebalance
	p.Main("C3", say("a"))
	p.Shadow("C3", say("b"))
	p.Shadow("C4", say("a"))
	for pair, want := range map[string]float64{"a a": 1, "a b": 2, "b a": 0, "b b": 0} {
		if got := count(pair); got != want {
			t.Errorf("%v flows are %s, want %v", got, pair, want)
		}
	}
	if len(p.waiting) != 1 || unpaired() != 0 {
		t.Errorf("%d wait, %v were given up", len(p.waiting), unpaired())
	}
}

// Where the series would be too many, it is only told whether the two agree.
func TestManyClassesAreNotCountedEach(t *testing.T) {
	p, count, _ := compare(1)
	for i := range 3 {
		p.Main(fmt.Sprint(i), Answer{"a", mostClasses + 1})
		p.Shadow(fmt.Sprint(i), Answer{strings.Repeat("a", 1+i), 2})
	}
	if same, other := count("* same"), count("* other"); same != 1 || other != 2 {
		t.Errorf("%v agree and %v do not, want 1 and 2", same, other)
	}
	if n := testutil.CollectAndCount(p.metrics.pairs); n != 2 {
		t.Errorf("%d series", n)
	}
}

// Flows outside the share have no second answer, so the first one is not kept.
func TestPairsAreOfTheShare(t *testing.T) {
	p, _, _ := compare(.1)
	for i := range 1000 {
		p.Main(fmt.Sprint(i), Answer{"a", 2})
	}
	if n := len(p.waiting); n < 50 || n > 150 {
		t.Errorf("%d of 1000 flows wait, want a tenth", n)
	}
}

// An answer whose other half never comes is given up: memory is bounded.
func TestAnswersWaitForAWhile(t *testing.T) {
	p, count, unpaired := compare(1)
	p.Main("first", Answer{"a", 2})
	p.Main("second", Answer{"a", 2})
	p.Shadow("second", Answer{"a", 2})
	p.Main("second", Answer{"a", 2}) // anew: its place of before must not end it
	for i := range room - 1 {
		p.Main(fmt.Sprint(i), Answer{"a", 2})
	}
	if len(p.waiting) > room || unpaired() != 1 {
		t.Errorf("%d wait, %v are given up, want 1", len(p.waiting), unpaired())
	}
	p.Shadow("second", Answer{"b", 2})
	p.Shadow("first", Answer{"a", 2}) // too late
	if count("a a") != 1 || count("a b") != 1 {
		t.Errorf("%v and %v pairs", count("a a"), count("a b"))
	}
	for i := range 3 * room {
		p.Main(fmt.Sprint("more", i), Answer{"a", 2})
	}
	if len(p.waiting) > room {
		t.Errorf("%d wait", len(p.waiting))
	}
}

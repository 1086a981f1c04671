package load

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var picture = flag.String("svg", "", "`FILE` for the picture; without it the bench does not run")

// laps is how often the records are read in one run of the schedule.
const laps = 2

// sustainable is how much of its time the slow stage works at a load of one.
const sustainable = .95

// The most uncertain flows keep the slow stage: the delay is within the objective two seconds
// after the load has changed, no flow stays without a label, and accuracy is above that of
// today's full queue and of random shedding.
func TestLoad(t *testing.T) {
	if *picture == "" {
		t.Skip("on purpose: a bench of its own, make bench-load")
	}
	traffic, spec := readTraffic(t), service(t)
	var units float64
	for _, p := range schedule() {
		units += p.load * p.last.Seconds()
	}
	pace := laps * traffic.span / units

	idle := policy{objective: never}.do(t, traffic, spec, 0, pace)
	var deferred float64
	for _, o := range idle {
		if o.slow {
			deferred++
		}
	}
	each := time.Duration(sustainable * units / deferred * float64(time.Second))
	plot := newPlot(fmt.Sprintf("%d flows of load/trace. Real models and cascade; the clock is virtual: the slow stage takes %.2f ms a flow (%.0f%% of its time at 1), all else none.",
		len(idle), each.Seconds()*1000, 100*sustainable))
	t.Logf("%d flows, %.0f deferred; every deferred flow answered: macro-F1 %s", len(idle), deferred, inWords(accuracy(idle)))

	mean := map[string]float64{}
	var first string
	for _, p := range policies() {
		flows := p.do(t, traffic, spec, each, pace)
		p99, f1 := delays(flows), accuracy(flows)
		mean[p.name] = macroF1(flows, 0, length())
		plot.add(p.name, p99, deferral(flows), f1)
		t.Logf("%s: macro-F1 %.4f, by phase %s; p99 of the wait two seconds after a change of the load %s s; %d flows without a label",
			p.name, mean[p.name], inWords(f1), inWords(settled(flows)), unlabelled(flows))
		if n := unlabelled(flows); n > 0 {
			t.Errorf("%s: %d flows without a label", p.name, n)
		}
		if first == "" {
			if first = p.name; slices.Max(settled(flows)) > (objective + batch*each).Seconds() {
				t.Errorf("%s: above the objective of %v two seconds after a change of the load", p.name, objective)
			}
		} else if mean[p.name] >= mean[first] {
			t.Errorf("%s is as good as %s", p.name, first)
		}
	}
	if err := os.WriteFile(*picture, []byte(plot.svg()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func inWords(values []float64) string {
	var parts []string
	for i, p := range schedule() {
		parts = append(parts, fmt.Sprintf("%gx %.3f", p.load, values[i]))
	}
	return strings.Join(parts, ", ")
}

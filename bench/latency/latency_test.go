package latency

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/bundletest"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

var (
	run    = flag.Bool("latency", false, "replay the busiest minutes in real time, beside the slow stage alone and the first one alone")
	svg    = flag.String("svg", "", "`FILE` for a picture of the latencies")
	wanted = flag.Int("seconds", 60, "of a replay; one at ten times the load takes half as many")
)

// The busiest minute at its recorded pace, and the busiest five in half a minute, through a real
// Kafka: from the first packet's record to the label as a reader gets it. The slow stage alone is
// tried with several depths and idle timeouts, since less of either makes labels earlier and worse,
// and competes with those that serve it best at the cascade's macro-F1.
//
// Sides run one after the other, with nothing beside them. Those of the sweep read at the same time,
// one depth after the other: what they wait for is silence, and not the machine.
func TestLatency(t *testing.T) {
	if !*run {
		t.Skip("on purpose: a bench of its own, make bench-latency")
	}
	all, shipped := readSource(t), t.TempDir()
	if err := os.CopyFS(shipped, os.DirFS("../../bundles/service")); err != nil { // which may change meanwhile
		t.Fatal(err)
	}
	stages := bundletest.Stages(t, shipped)
	first, last := stages[0].Name(), stages[len(stages)-1].Name()
	cascade := side{name: "cascade", bundle: shipped, idle: "2s"}
	fastOnly := side{name: "fast stage alone", bundle: only(t, shipped, first, 0), idle: "2s"}

	length := time.Duration(*wanted) * time.Second
	b := &bench{addr: kafkatest.Start(t).Addr, known: all.known}
	b.inTurn(t, all.busiest(t, min(length, 10*time.Second), 1), cascade) // a broker that has just started is slow: not measured
	recorded, load := all.busiest(t, length, 1), all.busiest(t, length/2, 10)
	live := b.inTurn(t, recorded, cascade)
	sweep := b.sweep(t, recorded, shipped, last)
	slowOnly := best(sweep, live[0].shown.MacroF1).side
	live = append(live, b.inTurn(t, recorded, fastOnly, slowOnly)...)
	busy := b.inTurn(t, load, cascade, fastOnly, slowOnly)

	fmt.Printf("\nSweep, four sides at a time:\n\n%s", table(sweep, live[0]))
	fmt.Printf("\nThe busiest %g s of %s as recorded, %s:\n\n%s\n%s", length.Seconds(), all.name, recorded.words(), table(live, live[0]), live[0].split(last))
	fmt.Printf("\nTen times the load, %g s, %s:\n\n%s\n%s\n", length.Seconds()/2, load.words(), table(busy, busy[0]), busy[0].split(last))
	if *svg == "" {
		return
	}
	drawn := &picture{caption: fmt.Sprintf("First packet to label, through Kafka: the busiest %g s of %s, and ten times that load; %s", length.Seconds(), all.name, time.Now().Format("2006-01-02"))}
	for _, o := range live {
		drawn.add(o.side.name, o)
	}
	for _, o := range busy {
		drawn.add(o.side.name+", 10x", o)
	}
	if err := os.WriteFile(*svg, []byte(drawn.svg()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inTurn replays the traffic to one side after the other.
func (b *bench) inTurn(t *testing.T, of *traffic, sides ...side) (all []*outcome) {
	t.Helper()
	for _, s := range sides {
		all = append(all, b.replay(t, of, s)...)
	}
	return all
}

// sweep replays the traffic to the slow stage alone, with several depths and idle timeouts.
func (b *bench) sweep(t *testing.T, of *traffic, bundle, stage string) (all []*outcome) {
	t.Helper()
	for _, depth := range []int{10, 5, 3} {
		folder := only(t, bundle, stage, depth)
		var sides []side
		for _, idle := range []string{"2s", "1s", "500ms", "250ms"} {
			sides = append(sides, side{name: fmt.Sprintf("slow stage alone, %d packets, idle %s", depth, idle), bundle: folder, idle: idle})
		}
		all = append(all, b.replay(t, of, sides...)...)
	}
	return all
}

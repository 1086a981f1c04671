package cascade

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// Whatever rules a bundle has, a flow's label depends on the flow alone: not on the order in
// which its records come, as long as none is later than the lateness, nor on how far the clock
// has gone meanwhile.
func TestLabelsDoNotDependOnArrival(t *testing.T) {
	const lateness = 100 * time.Millisecond
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 0))
		s := randomSpec(t, rng)
		idle := []time.Duration{300 * ms, 2 * time.Second, 8 * time.Second}[rng.IntN(3)]
		records := randomFlow(rng)
		arrivals := func(most time.Duration) []*zeek.Record {
			type arrival struct {
				rec *zeek.Record
				at  int64
			}
			var all []arrival
			for _, rec := range records {
				all = append(all, arrival{rec, rec.TS + rng.Int64N(most.Microseconds()+1)})
			}
			slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
			var sorted []*zeek.Record
			for _, a := range all {
				sorted = append(sorted, a.rec)
			}
			return sorted
		}
		want := labelled(s, idle, lateness, arrivals(0), 1*ms)
		for _, other := range []struct {
			arrival []*zeek.Record
			tick    time.Duration
		}{{arrivals(lateness), 1 * ms}, {arrivals(0), 40 * ms}, {arrivals(lateness), 40 * ms}, {arrivals(lateness), time.Hour}} {
			if got := labelled(s, idle, lateness, other.arrival, other.tick); got != want {
				t.Fatalf("seed %d, idle %v: got %q, and %q where records come in order\n%s", seed, idle, got, want, describe(s, records))
			}
		}
	}
}

// Whatever rules a shadow has, the main bundle's label is what it is alone.
func TestNoShadowChangesALabel(t *testing.T) {
	for seed := range uint64(2500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s, beside := randomSpec(t, rng), randomSpec(t, rng)
		idle := []time.Duration{300 * ms, 2 * time.Second, 8 * time.Second}[rng.IntN(3)]
		records, tick := randomFlow(rng), []time.Duration{1 * ms, 40 * ms, time.Hour}[rng.IntN(3)]
		if seed%2 == 0 && len(records) > 0 {
			records[len(records)-1].Sent = 0 // an end record of an earlier version does not say it
		}
		want := labelledBeside(nil, s, idle, records, tick)
		if got := labelledBeside(beside, s, idle, records, tick); got != want {
			t.Fatalf("seed %d, idle %v: got %q, and %q without the shadow\n%sthe shadow:\n%s", seed, idle, got, want, describe(s, records), describe(beside, nil))
		}
	}
}

// An answer that stands for longer is rounded, whether or not the flow waited with it.
func TestConfidenceDoesNotDependOnWaiting(t *testing.T) {
	s := spec(t, []int{1}, says(.7))
	s.Stages[0].Slow, s.Stages[0].MaxDepth, s.Stages[0].Patience = false, 3, []Patience{{Wait: 10 * ms}}
	for _, first := range []packet{{n: 1}, {n: 2, at: 20 * ms}} {
		r := newRig(s, Config{})
		second := packet{n: 3 - first.n, at: 20*ms - first.at}
		r.feedPackets([]packet{first, second}, 0)
		if got, want := r.exactly(), fmt.Sprint("u a s0 timeout final 1 ", float64(float32(.7)), " ", float64(float32(1-.7))); got != want {
			t.Errorf("packet %d first: %q, want %q", first.n, got, want)
		}
	}
}

// What a task says of a flow does not depend on the tasks beside it: not on how long they wait, nor
// on whether they keep the flow open.
func TestLabelsDoNotDependOnOtherTasks(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 1))
		idle := []time.Duration{300 * ms, 2 * time.Second, 8 * time.Second}[rng.IntN(3)]
		lateness := []time.Duration{0, 100 * ms}[rng.IntN(2)]
		tick := []time.Duration{ms, 40 * ms, time.Hour}[rng.IntN(3)]
		specs, records := []*Spec{randomSpec(t, rng), randomSpec(t, rng), randomSpec(t, rng)}, randomFlow(rng)
		for _, s := range specs { // most flows wait, and not for as long in one task as in another
			for i := range s.Stages {
				of := &s.Stages[i]
				of.Threshold, of.MaxDepth, of.Hazard = 0, of.Depth+rng.IntN(5), nil
				of.Patience = append(of.Patience, Patience{Wait: time.Duration(1+rng.IntN(400)) * ms})
			}
		}
		together := labelledByTasks(specs, idle, lateness, records, tick)
		for i, s := range specs {
			if alone := labelled(s, idle, lateness, records, 1*ms); together[i] != alone {
				t.Fatalf("seed %d, idle %v, lateness %v: task %d says %q beside the others, and %q alone\n%s", seed, idle, lateness, i, together[i], alone, describe(s, records))
			}
		}
	}
}

// randomSpec has rules of all kinds. What its models say depends on how many packets they see.
func randomSpec(t *testing.T, rng *rand.Rand) *Spec {
	stages := 1 + rng.IntN(3)
	var depths []int
	var models []Model
	for depth := 1 + rng.IntN(2); len(depths) < stages; depth += rng.IntN(3) {
		var p []float64
		for range 10 {
			p = append(p, float64(rng.IntN(11))/10)
		}
		depths, models = append(depths, depth), append(models, modelFunc(func(row []float32, out []float64) error {
			return says(p[max(0, int(row[0])-1)])(row, out)
		}))
	}
	s := spec(t, depths, models...)
	patience := func() (rules []Patience) {
		for range rng.IntN(3) {
			rules = append(rules, Patience{Classes: [][]int{nil, {0}, {1}}[rng.IntN(3)], Packets: rng.IntN(4), Wait: time.Duration(1+rng.IntN(400)) * []time.Duration{ms, ms, 20 * ms}[rng.IntN(3)]})
		}
		return rules
	}
	for i := range s.Stages {
		of := &s.Stages[i]
		of.Slow, of.Patience = false, patience()
		if rng.IntN(2) == 0 {
			of.MaxDepth = of.Depth + rng.IntN(5)
		}
		if rng.IntN(3) == 0 {
			more := rng.Uint64()
			of.Hazard = &Hazard{Model: side(t, func(n int) bool { return more>>(n%64)&1 == 0 }), Below: .5}
		}
		of.GapUncertainty = .1 * float64(rng.IntN(3))
	}
	return s
}

// randomFlow gives the records of a flow, some of whose packets never come.
func randomFlow(rng *rand.Rand) (records []*zeek.Record) {
	ts, n := int64(1e15), 1+rng.IntN(8)
	rec := func(kind zeek.Kind) *zeek.Record {
		return &zeek.Record{Kind: kind, UID: []byte("u"), Sensor: []byte("tap"), TS: ts, Proto: zeek.TCP,
			Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")}
	}
	torn := false
	for i := range n {
		p := rec(zeek.Packet)
		p.N = uint32(i + 1)
		if i == n-1 && rng.IntN(3) == 0 {
			p.Flags, torn = rst, true
		}
		if rng.IntN(10) > 0 {
			records = append(records, p)
		}
		ts += []int64{500, 20_000, 150_000, 350_000, 2_500_000}[rng.IntN(5)]
	}
	if rng.IntN(2) == 0 {
		ts += (time.Minute).Microseconds()         // Zeek's own timeout
		if torn = torn || rng.IntN(3) == 0; torn { // or a FIN came later than the packets that Zeek wrote
			ts += (5*time.Second - time.Minute).Microseconds()
		}
		end := rec(zeek.End)
		end.Closed, end.Sent = torn, uint32(n)
		records = append(records, end)
	}
	return records
}

// labelled gives the flow's verdict where records come in this order.
func labelled(s *Spec, idle, lateness time.Duration, records []*zeek.Record, tick time.Duration) string {
	return labelledByTasks([]*Spec{s}, idle, lateness, records, tick)[0]
}

// labelledBeside gives the verdict where a shadow is asked about the flow too, nil: none is, and no
// more packets are kept than the two look at.
func labelledBeside(beside, s *Spec, idle time.Duration, records []*zeek.Record, tick time.Duration) string {
	r := newRig(s, Config{})
	tasks := Tasks{r.slot}
	cfg := flow.Config{Rules: flow.Rules{Depth: s.Depth(), Idle: idle}, Want: s.Stages[0].Depth}
	if beside != nil {
		second, _ := shadowOf(beside, Config{Queue: 1}, 1)
		tasks = append(tasks, second)
		cfg.Rules.Opens, cfg.Rules.Depth, cfg.Want, cfg.Shadows = s.Depth(), max(s.Depth(), beside.Depth()), min(cfg.Want, beside.Stages[0].Depth), 1
	}
	pass(cfg, tasks.Decider(), r, records, tick)
	return r.exactly()
}

// labelledByTasks gives the flow's verdict by each of several tasks where records come in this
// order. The sensor's other records move its clock on, at most by tick at once.
func labelledByTasks(specs []*Spec, idle, lateness time.Duration, records []*zeek.Record, tick time.Duration) (seen []string) {
	var rigs []*rig
	var tasks Tasks
	want := specs[0].Stages[0].Depth
	for _, s := range specs {
		r := newRig(s, Config{})
		rigs, tasks, want = append(rigs, r), append(tasks, r.slot), min(want, s.Stages[0].Depth)
	}
	cfg := flow.Config{Rules: flow.Rules{Depth: 30, Idle: idle, Lateness: lateness}, Want: want, Tasks: len(specs)}
	pass(cfg, tasks.Decider(), rigs[0], records, tick)
	for _, r := range rigs {
		if n := r.cascade.users.count.Load(); n != 1 {
			panic(fmt.Sprint(n-1, " flows still need the cascade"))
		}
		seen = append(seen, r.exactly())
	}
	return seen
}

// exactly gives what came out with the probabilities to the last bit.
func (r *rig) exactly() string {
	seen := r.seen()
	for _, v := range r.got {
		seen += fmt.Sprint(" ", v.Top[0].P, " ", v.Top[1].P)
	}
	return seen
}

// pass takes the records through a flow table. The place of its flows in the log is r's.
func pass(cfg flow.Config, decider *Decider, r *rig, records []*zeek.Record, tick time.Duration) {
	cfg.Rules.MaxAge, cfg.Remember, cfg.Limits = time.Minute, time.Hour, flow.Limits{Flows: 1000, Bytes: 1 << 24, Finished: 100_000}
	table := flow.New(cfg)
	decide := func(f *flow.Flow) {
		switch {
		case decider.Decide(r.ctx, f):
			table.Finish(f)
		default:
			table.Keep(f)
		}
	}
	add := func(rec *zeek.Record) {
		f, outcome := table.Add(rec)
		if outcome == flow.Opened {
			f.Acker = r
		}
		if f != nil && f.Ready() {
			decide(f)
		}
		for f := table.Due(); f != nil; f = table.Due() {
			decide(f)
		}
	}
	now, last := int64(0), int64(0)
	moveOn := func(until int64) {
		for now > 0 && now+tick.Microseconds() < until {
			if now += tick.Microseconds(); tick < 40*ms && until-now > 600_000 && now-last > 600_000 {
				now += 99_000 // the fine steps matter near the records
			}
			add(&zeek.Record{Kind: zeek.Packet, UID: []byte("other"), Sensor: []byte("tap"), N: 99, TS: now, Proto: zeek.TCP})
		}
	}
	for _, rec := range records {
		moveOn(rec.TS)
		add(rec)
		now = max(now, rec.TS)
		last = now
	}
	moveOn(now + 10_000_000)
	for f := table.Drain(); f != nil; f = table.Drain() {
		decide(f)
	}
	decider.Close()
}

func describe(s *Spec, records []*zeek.Record) string {
	var all strings.Builder
	for _, of := range s.Stages {
		fmt.Fprintf(&all, "%s: depth %d to %d, hazard %v, patience %v\n", of.Name, of.Depth, of.MaxDepth, of.Hazard != nil, of.Patience)
	}
	for _, rec := range records {
		fmt.Fprintf(&all, "%v %d at %v, flags %d\n", rec.Kind, rec.N, time.Duration(rec.TS-1e15)*time.Microsecond, rec.Flags)
	}
	return all.String()
}

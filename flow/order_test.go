package flow

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// traffic makes flows with pauses, resets and lost packets. Each record has the moment
// at which it arrives.
func traffic(rng *rand.Rand, flows int) []arrival {
	var all []arrival
	for i := range flows {
		uid, at := fmt.Sprintf("C%04d", i), rng.Float64()*60
		for n := uint32(1); n <= uint32(1+rng.Intn(6)); n++ {
			flags := int16(ack)
			if rng.Intn(12) == 0 {
				flags = rst
			}
			if rng.Intn(20) > 0 { // else lost
				late := rng.Float64() * .9 // less than the lateness allowed
				all = append(all, arrival{at + late, pkt(uid, n, at, flags)})
			}
			at += rng.ExpFloat64()
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return all
}

// arrival is a record and when it arrives.
type arrival struct {
	at  float64 // seconds
	rec *zeek.Record
}

// decisions spreads the records over partitions by uid and returns the decision on each
// flow, by uid.
func decisions(t *testing.T, all []arrival, partitions int) map[string]string {
	return decisionsOf(t, testConfig(), all, partitions)
}

// decisionsOf does so with another config.
func decisionsOf(t *testing.T, cfg Config, all []arrival, partitions int) map[string]string {
	tables := make([]*Table, partitions)
	for i := range tables {
		cfg.Limits.Flows, cfg.Limits.Finished, cfg.Remember = 1<<20, 1<<20, 24*time.Hour
		tables[i] = New(cfg)
	}
	got := map[string]string{}
	decide := func(table *Table, f *Flow) {
		if was, ok := got[f.UID]; ok {
			t.Fatalf("%s decided twice: %s", f.UID, was)
		}
		_, _, due := f.Closing(0)
		got[f.UID] = fmt.Sprintf("%s %s %d", places(f), f.Cause(), due-f.First())
		if f.Cause() == Reached || f.Conn() != nil {
			got[f.UID] = places(f) + " " + f.Cause().String()
		}
		table.Finish(f)
	}
	for _, a := range all {
		table := tables[(int(a.rec.UID[3])*7+int(a.rec.UID[4]))%partitions]
		if f, _ := table.Add(a.rec); f != nil && f.Ready() {
			decide(table, f)
		}
		for f := table.Due(); f != nil; f = table.Due() {
			decide(table, f)
		}
	}
	for _, table := range tables {
		for f := table.Drain(); f != nil; f = table.Drain() {
			decide(table, f)
		}
	}
	return got
}

// Decisions must not depend on the number of partitions, nor on the order in which
// records arrive within the lateness.
func TestDecisionsDoNotDependOnArrival(t *testing.T) {
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		all := traffic(rng, 500)
		want := decisions(t, all, 1)
		for _, partitions := range []int{3, 12} {
			same(t, seed, want, decisions(t, all, partitions))
		}
		inOrder := slices.Clone(all)
		slices.SortStableFunc(inOrder, func(a, b arrival) int { return cmp.Compare(a.rec.TS, b.rec.TS) })
		same(t, seed, want, decisions(t, inOrder, 1))
	}
}

// So it is at the boundary: times lie on a grid, so that packets come exactly at the idle
// time, and records exactly as late as is allowed.
func TestDecisionsDoNotDependOnArrivalExactlyAsLateAsAllowed(t *testing.T) {
	const grid = second / 2 // the lateness is two of them
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		all := traffic(rng, 500)
		for i := range all {
			steps, late := all[i].rec.TS/grid, 2*rng.Intn(2)
			all[i].rec.TS, all[i].at = steps*grid, float64(steps+int64(late))
		}
		inOrder := slices.Clone(all)
		slices.SortStableFunc(inOrder, func(a, b arrival) int { return cmp.Compare(a.rec.TS, b.rec.TS) })
		slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		want := decisions(t, inOrder, 1)
		for _, partitions := range []int{1, 3, 12} {
			same(t, seed, want, decisions(t, all, partitions))
		}
		table := New(testConfig())
		for _, a := range all {
			table.Add(a.rec)
		}
		if measured := table.TakeLateness(); measured.TooLate > 0 || measured.Sum < 100*second {
			t.Errorf("seed %d: %d records came too late, and all are %d us late together", seed, measured.TooLate, measured.Sum)
		}
	}
}

// Captures of several years are in one topic. Some are too short for the clock to
// believe their time. When it does, it must not end the flows of the new time early.
func TestDecisionsDoNotDependOnArrivalOverJumps(t *testing.T) {
	for seed := range int64(20) {
		all := traffic(rand.New(rand.NewSource(seed)), 500)
		slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.rec.TS, b.rec.TS) })
		for i, began := range all {
			capture := int64(i / (50 + int(seed)*20)) // records a capture
			began.rec.TS += capture * 365 * 24 * 3600 * second
		}
		want := decisions(t, all, 1)
		for _, partitions := range []int{3, 12} {
			same(t, seed, want, decisions(t, all, partitions))
		}
	}
}

// Zeek may swap the two sides after the first packet. Who is the originator, and who
// sent which packet, must not depend on the order of the records.
func TestSwappedSidesDoNotDependOnArrival(t *testing.T) {
	first, second, third := pkt("a", 1, 0, syn|ack), pkt("a", 2, .1, ack), pkt("a", 3, .2, ack)
	for _, rec := range []*zeek.Record{second, third} {
		rec.Orig, rec.Resp, rec.FromOrig = first.Resp, first.Orig, !rec.FromOrig
	}
	for _, records := range [][]*zeek.Record{
		{first, second, third}, {first, third, second}, {second, first, third},
		{second, third, first}, {third, first, second}, {third, second, first},
	} {
		table := New(testConfig())
		var f *Flow
		for _, rec := range records {
			f, _ = table.Add(rec)
		}
		p := f.Packets(3)
		if f.Orig != first.Orig || f.Resp != first.Resp || !p[0].FromOrig || p[1].FromOrig || !p[2].FromOrig {
			t.Errorf("packet %d came first: %s to %s, %+v", records[0].N, f.Orig, f.Resp, p)
		}
	}
}

// same fails the test if two sets of decisions differ.
func same(t *testing.T, seed int64, want, got map[string]string) {
	t.Helper()
	if maps.Equal(want, got) {
		return
	}
	for uid, w := range want {
		if got[uid] != w {
			t.Fatalf("seed %d: %s: %q, want %q", seed, uid, got[uid], w)
		}
	}
	t.Fatalf("seed %d: %d flows decided, want %d", seed, len(got), len(want))
}

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

// traffic is some thousand flows with pauses, ends, holes and duplicates, each
// record with the moment at which it arrives.
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

type arrival struct {
	at  float64
	rec *zeek.Record
}

// decisions puts the traffic on some partitions by uid and gives each flow's decision.
func decisions(t *testing.T, all []arrival, partitions int) map[string]string {
	return decisionsOf(t, testConfig(), all, partitions)
}

func decisionsOf(t *testing.T, cfg Config, all []arrival, partitions int) map[string]string {
	tables := make([]*Table, partitions)
	for i := range tables {
		cfg.Limits.Flows, cfg.Limits.Finished, cfg.Remember = 1<<20, 1<<20, 24*time.Hour
		tables[i] = New(cfg)
	}
	got := map[string]string{}
	note := func(table *Table, f *Flow) {
		if was, ok := got[f.UID]; ok {
			t.Fatalf("%s decided twice: %s", f.UID, was)
		}
		got[f.UID] = places(f) + " " + f.Cause().String()
		table.Finish(f)
	}
	for _, a := range all {
		table := tables[(int(a.rec.UID[3])*7+int(a.rec.UID[4]))%partitions]
		if f, _ := table.Add(a.rec); f != nil && f.Ready() {
			note(table, f)
		}
		for f := table.Due(); f != nil; f = table.Due() {
			note(table, f)
		}
	}
	for _, table := range tables {
		for f := table.Drain(); f != nil; f = table.Drain() {
			note(table, f)
		}
	}
	return got
}

// Decisions must follow from the records alone: not from how many partitions
// there are, nor from the order in which records arrive within the lateness.
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

// Captures of other years in one topic, each shorter than what makes a clock
// believe in a leap: when it does, flows of the new time are not cut short.
func TestDecisionsDoNotDependOnArrivalOverLeaps(t *testing.T) {
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

// Zeek may turn a flow round behind its first packet: who is who, and who sent
// what, must not depend on which record comes first.
func TestTurnedFlowIsOneFlow(t *testing.T) {
	first, second, third := pkt("a", 1, 0, syn|ack), pkt("a", 2, .1, ack), pkt("a", 3, .2, ack)
	for _, turned := range []*zeek.Record{second, third} {
		turned.Orig, turned.Resp, turned.FromOrig = first.Resp, first.Orig, !turned.FromOrig
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
			t.Errorf("place %d came first: %s to %s, %+v", records[0].N, f.Orig, f.Resp, p)
		}
	}
}

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

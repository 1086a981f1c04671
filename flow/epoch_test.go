package flow

import (
	"cmp"
	"math/rand"
	"slices"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

// Record time may begin at any time from 0 on: 0 is a time like all others.
func TestDecisionsDoNotDependOnTheBeginningOfTime(t *testing.T) {
	for seed := range int64(10) {
		all := traffic(rand.New(rand.NewSource(seed)), 300)
		want := decisions(t, all, 1)
		oldest := slices.MinFunc(all, func(a, b arrival) int { return cmp.Compare(a.rec.TS, b.rec.TS) }).rec.TS
		for _, begin := range []int64{1, 0, zeek.MaxTS - 100*second} {
			for _, a := range all {
				a.rec.TS += begin - oldest
			}
			same(t, seed, want, decisions(t, all, 1))
			same(t, seed, want, decisions(t, all, 3))
			oldest = begin
		}
	}
}

// A sensor's clock begins at the table's time, if that is 0, too. So its flows wait no
// longer than those of the others.
func TestSensorBeginsAtTheTablesTime(t *testing.T) {
	for _, begin := range []int64{0, 1, 1_700_000_000 * second} {
		table := New(testConfig())
		old, young := from("old", pkt("a", 1, 0, syn)), from("young", pkt("b", 1, 0, syn))
		old.TS, young.TS = begin, begin+300*second
		table.Add(old)
		table.Add(young)
		if clock := table.sensors.named([]byte("young")).clock; clock.now != begin || table.now != begin {
			t.Errorf("from %d on: the young sensor's clock is at %d, the table's at %d", begin, clock.now, table.now)
		}
	}
}

package merge

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// alignerTest is the sources of an aligner, for a bubble of synctest.
type alignerTest struct {
	sources []*source
	lost    []int
}

func newAlignerTest(n int) *alignerTest {
	a := &alignerTest{}
	a.sources = newAligner(n, 15*time.Second, func(source int) { a.lost = append(a.lost, source) }).sources
	return a
}

// try has a source try to pass, for a second at most.
func (a *alignerTest) try(t *testing.T, source int, era int, ts, slack int64) bool {
	return a.sources[source].tryPass(t.Context(), eventTime{era, ts}, slack, time.Second)
}

// A source passes when no other lies further behind than the slack, whatever that other
// one does but for having been read to its end.
func TestSourcesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlignerTest(2)
		if a.try(t, 0, 0, 1000, 0) {
			t.Error("passed before the other was heard of")
		}
		if !a.try(t, 1, 0, 900, 0) {
			t.Error("the one that lags most does not pass")
		}
		if a.try(t, 0, 0, 1000, 99) || !a.try(t, 0, 0, 1000, 100) {
			t.Error("the other has a record of 100 before: it must wait with a slack of 99, and with 100 it must not")
		}
		a.sources[1].fetch()
		if a.try(t, 0, 0, 1000, 99) {
			t.Error("passed while the other, which lags, fetches")
		}
		a.sources[1].end()
		if !a.try(t, 0, 0, 1000, 0) {
			t.Error("the other is read to its end, and waited for")
		}
		a.sources[1].fetch() // there is more in it
		if a.try(t, 0, 0, 1000, 99) {
			t.Error("passed while the other, which was at its end, fetches")
		}
		if a.try(t, 0, 1, 0, 1000) {
			t.Error("passed into the next era, before the other")
		}
		if len(a.lost) > 0 {
			t.Errorf("gave up %d", a.lost)
		}
	})
}

// A source that waits goes on at once when the others have come as far, no earlier.
func TestSourcesWakeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlignerTest(3)
		var passed []int
		over := make(chan int, 2)
		for source, next := range []int64{1000, 2000} {
			go func() {
				if !a.sources[source].pass(t.Context(), eventTime{0, next}, 0) {
					t.Errorf("source %d did not pass", source)
				}
				over <- source
			}()
		}
		began := time.Now()
		expect := func(what string, want ...int) {
			t.Helper()
			synctest.Wait()
			for len(over) > 0 {
				passed = append(passed, <-over)
			}
			if !slices.Equal(passed, want) || time.Since(began) > 0 {
				t.Errorf("%s: %d have passed, want %d, after %v", what, passed, want, time.Since(began))
			}
		}
		expect("the third was not heard of")
		last := a.sources[2]
		last.pass(t.Context(), eventTime{0, 999}, 0)
		expect("the third is behind both")
		if n := len(last.blocking); n != 1 { // the first: the second waits for the first
			t.Errorf("%d sources wait for the third, want 1", n)
		}
		last.pass(t.Context(), eventTime{0, 1000}, 0)
		expect("the third has come as far as the first", 0)
		last.end()
		expect("the first lags behind the second", 0)
		a.sources[0].end()
		expect("the others are at their end", 0, 1)
	})
}

// A source that waits in vain is waited for as if it had passed; once it does not wait any
// more, nobody has it to wake.
func TestWaitInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlignerTest(2)
		began := time.Now()
		if a.try(t, 0, 0, 1000, 0) || time.Since(began) != time.Second {
			t.Errorf("waited %v, want a second", time.Since(began))
		}
		if n := len(a.sources[1].blocking); n != 0 || a.sources[0].blockedBy != nil {
			t.Errorf("%d sources wait for the second, and none does", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if a.sources[0].pass(ctx, eventTime{0, 1000}, 0) || time.Since(began) != 2*time.Second {
			t.Errorf("waited until %v, want two seconds, when nobody waits any more", time.Since(began))
		}
		if a.sources[0].tryPass(ctx, eventTime{0, 1}, 0, time.Second) {
			t.Error("passed when nobody waits any more")
		}
		if !a.sources[0].pass(t.Context(), eventTime{0, 1000}, 0) || !slices.Equal(a.lost, []int{1}) {
			t.Errorf("not passed, or other than the second is lost: %d", a.lost)
		}
		if a.try(t, 1, 0, 1001, 0) || !a.try(t, 1, 0, 1000, 0) {
			t.Error("the first has a record of 1000")
		}
	})
}

// A source is lost when it has fetched for as long as the timeout, counted from when it
// began to. It is told once, and waited for again from its next record on.
func TestLostSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlignerTest(3)
		began := time.Now()
		a.try(t, 1, 0, 10, 0) // takes a second: it waits for the third
		a.sources[1].fetch()
		time.Sleep(9 * time.Second)
		time.AfterFunc(time.Second, a.sources[1].fetch) // it fetches still, since the first second
		expect := func(what string, after time.Duration, lost ...int) {
			t.Helper()
			if took := time.Since(began); took != after || !slices.Equal(a.lost, lost) {
				t.Errorf("%s: after %v, want %v; lost are %d, want %d", what, took, after, a.lost, lost)
			}
		}
		if !a.sources[0].pass(t.Context(), eventTime{0, 1000}, 0) {
			t.Fatal("not passed")
		}
		// It looks when it has waited for a timeout itself, from the tenth second on.
		expect("passed", 25*time.Second, 1, 2)
		a.sources[1].fetch() // over a new connection, and nothing has come
		if !a.try(t, 0, 0, 2000, 0) {
			t.Error("a lost source is waited for before it has a record")
		}
		expect("passed again", 25*time.Second, 1, 2)
		if !a.try(t, 1, 0, 1500, 0) || a.try(t, 0, 0, 2000, 0) {
			t.Error("a source that is back, and lags, is not waited for")
		}
		time.Sleep(time.Minute)
		if a.try(t, 0, 0, 2000, 0) || len(a.lost) != 2 {
			t.Error("a source that has a record to hand is lost")
		}
		a.sources[1].fetch()
		time.Sleep(14*time.Second - 1)
		if a.try(t, 0, 0, 2000, 0) || len(a.lost) != 2 {
			t.Error("lost before its time")
		}
		time.Sleep(time.Nanosecond)
		passed := a.try(t, 0, 0, 2000, 0)
		if !passed { // this try found the other one late, so the next one passes
			passed = a.try(t, 0, 0, 2000, 0)
		}
		if !passed || len(a.lost) != 3 {
			t.Errorf("lost are %d", a.lost)
		}
	})
}

// A source at its end is in the era of the furthest.
func TestEraAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAlignerTest(3)
		a.sources[1].end()
		a.sources[2].end()
		a.try(t, 0, 5, 10, 0)
		if a.sources[1].era() != 0 {
			t.Errorf("in era %d before it could know", a.sources[1].era())
		}
		a.sources[1].end()
		if a.sources[1].era() != 5 || a.sources[2].era() != 0 {
			t.Errorf("in era %d, the other in %d", a.sources[1].era(), a.sources[2].era())
		}
		a.sources[0].end()
		if a.sources[0].era() != 5 {
			t.Errorf("went back to era %d", a.sources[0].era())
		}
	})
}

// A source that cannot be read holds the others back for a while only, and is
// waited for again once it can.
func TestLostSourceIsGivenUp(t *testing.T) {
	gaveUp := 0
	a := newAligner(2, time.Millisecond, func(source int) { gaveUp = gaveUp*10 + source + 1 })
	if !a.sources[0].pass(t.Context(), eventTime{0, 1000}, 0) || gaveUp != 2 {
		t.Fatalf("gave up %d", gaveUp)
	}
	if !a.sources[0].pass(t.Context(), eventTime{0, 2000}, 0) || gaveUp != 2 {
		t.Fatalf("gave it up twice")
	}
	a.sources[1].pass(t.Context(), eventTime{0, 1}, 0)
	if a.sources[0].tryPass(t.Context(), eventTime{0, 3000}, 0, time.Millisecond) {
		t.Error("went on although the other is back, has a record to hand and lags")
	}
}

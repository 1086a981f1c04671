package merge

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// testInputs builds n inputs whose flow tables bear a disorder of a second. None may be given
// up.
func testInputs(t *testing.T, n int) []*Input[string] {
	return New[string](n, Config{Lateness: time.Second, Timeout: 15 * time.Second, Lost: func(input int) { t.Errorf("input %d was given up", input) }})
}

// taker keeps what passes, in order.
type taker struct{ passed []string }

func (o *taker) take(value string) { o.passed = append(o.passed, value) }

const begin = int64(1_700_000_000_000_000)

// second is a time so many seconds after begin.
func second(at float64) int64 { return begin + int64(at*1e6) }

// Of what is queued, as much stays as is looked ahead at, and it stays in order.
func TestLookAhead(t *testing.T) {
	in, out := testInputs(t, 1)[0], &taker{}
	var want []string
	for n := range lookAhead + 1 {
		want = append(want, fmt.Sprint("value ", n))
		in.Add(zeek.Packet, second(float64(n)), want[n])
	}
	in.Pass(t.Context(), false, out.take)
	if len(out.passed) != 2 || in.Len() != lookAhead-1 {
		t.Fatalf("%d passed, %d wait", len(out.passed), in.Len())
	}
	if left := in.values[len(in.values):cap(in.values)][0]; left != "" {
		t.Error("what has passed is still held in memory")
	}
	in.Pass(t.Context(), true, out.take)
	if !slices.Equal(out.passed, want) || in.Len() != 0 {
		t.Errorf("passed %q", out.passed)
	}
}

// stand has an input stand at a time, with a record to hand.
func stand(in *Input[string], ts int64) { in.source.state, in.source.at = ready, eventTime{0, ts} }

// passes reports whether all of these records pass although another input stands at begin.
// It gives the other 14 seconds, in which it is not lost.
func passes(t *testing.T, lateness time.Duration, records ...queued) (all bool) {
	synctest.Test(t, func(t *testing.T) {
		inputs, out := New[string](2, Config{Lateness: lateness, Timeout: 15 * time.Second, Lost: func(int) {}}), &taker{}
		stand(inputs[1], begin)
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
		defer cancel()
		for _, r := range records {
			inputs[0].Add(r.kind, r.ts, "value")
		}
		inputs[0].Pass(ctx, true, out.take)
		all = len(out.passed) == len(records)
	})
	return all
}

// Inputs may be a fifth of the lateness apart, which is the disorder that flow tables bear.
// An end record waits until every packet of its time is there.
func TestSlack(t *testing.T) {
	for _, lateness := range []time.Duration{time.Second, 5 * time.Second} {
		slack := lateness.Microseconds() / 5
		if !passes(t, lateness, queued{zeek.Packet, begin + slack}) {
			t.Errorf("%d us ahead, with a lateness of %v: it waits", slack, lateness)
		}
		if passes(t, lateness, queued{zeek.Packet, begin + slack + 1}) {
			t.Errorf("a microsecond more than %d ahead, with a lateness of %v: it does not wait", slack, lateness)
		}
		if passes(t, lateness, queued{zeek.Packet, begin}, queued{zeek.End, begin}) {
			t.Error("an end record does not wait for packets of its time")
		}
	}
}

// A record that may be wild waits for a while only: its input must read more to tell. It
// passes when its input has no more.
func TestWildRecordsWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inputs, out := testInputs(t, 2), &taker{}
		stand(inputs[1], begin)
		in, ctx := inputs[0], t.Context()
		in.Add(zeek.Packet, begin, "a")
		in.Add(zeek.Packet, second(365*24*3600), "wild")
		began := time.Now()
		in.Pass(ctx, true, out.take)
		if !slices.Equal(out.passed, []string{"a"}) || in.Len() != 1 || time.Since(began) != longestTry {
			t.Errorf("passed %q, %d wait, after %v", out.passed, in.Len(), time.Since(began))
		}
		if in.source.state != fetching || in.tracker.beyond != 0 {
			t.Errorf("others believe that there is nothing more in it, or %d are counted that have not passed", in.tracker.beyond)
		}
		inputs[1].source.end()
		in.Pass(ctx, true, out.take)
		if !slices.Equal(out.passed, []string{"a", "wild"}) || in.source.state != ended || in.tracker.beyond != 1 {
			t.Errorf("passed %q; %d may have been wild", out.passed, in.tracker.beyond)
		}
	})
}

// An input goes on in the era that it reached at its end, with the others.
func TestEraOfTheOthers(t *testing.T) {
	inputs, out := testInputs(t, 2), &taker{}
	inputs[0].source.at = eventTime{7, 0}
	inputs[1].Pass(t.Context(), true, out.take)
	inputs[1].Pass(t.Context(), true, out.take)
	if inputs[1].tracker.era != 7 {
		t.Errorf("in era %d", inputs[1].tracker.era)
	}
}

// Waiting ends with the context, and what waits stays.
func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inputs, out := testInputs(t, 2), &taker{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inputs[0].Add(zeek.Packet, begin, "a")
		inputs[0].Pass(ctx, true, out.take)
		if len(out.passed) != 0 || inputs[0].Len() != 1 {
			t.Errorf("passed %q, %d wait", out.passed, inputs[0].Len())
		}
	})
}

// An input that leaves waits for no other, and no other for it, until it takes part again.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inputs, out := testInputs(t, 2), &taker{}
		inputs[0].Add(zeek.Packet, second(9), "a")
		inputs[0].Add(zeek.Packet, second(8), "b")
		inputs[0].Leave(out.take)
		if !slices.Equal(out.passed, []string{"a", "b"}) || inputs[0].Len() != 0 || inputs[0].values[:2][0] != "" {
			t.Errorf("passed %q", out.passed)
		}
		inputs[1].Add(zeek.Packet, second(10), "c")
		inputs[1].Pass(t.Context(), true, out.take)
		if len(out.passed) != 3 {
			t.Error("the other one waits for it")
		}
		inputs[0].Pass(t.Context(), false, out.take) // it is back, and may have earlier records
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inputs[1].Add(zeek.Packet, second(20), "d")
		if inputs[1].Pass(ctx, true, out.take); len(out.passed) != 3 {
			t.Error("the other one does not wait for it")
		}
	})
}

// An input that cannot be read is given up after the timeout, and told by its number.
func TestLostInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost []int
		inputs, out := New[string](3, Config{Lateness: time.Second, Timeout: 4 * time.Second, Lost: func(input int) { lost = append(lost, input) }}), &taker{}
		inputs[1].Pass(t.Context(), true, out.take) // it has nothing, and is not waited for
		inputs[0].Add(zeek.Packet, begin, "a")
		began := time.Now()
		inputs[0].Pass(t.Context(), true, out.take)
		if took := time.Since(began); took != 4*time.Second || !slices.Equal(out.passed, []string{"a"}) || !slices.Equal(lost, []int{2}) {
			t.Errorf("after %v passed %q; lost %d", took, out.passed, lost)
		}
	})
}

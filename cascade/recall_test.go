package cascade

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// labelledFlows is a set of flows.
type labelledFlows map[string]bool

func (n labelledFlows) Has(uid string) bool { return n[uid] }

func (n labelledFlows) Len() int { return len(n) }

// Flows that another bundle has labelled get no second label, and give up their place in the
// log. Where only the bundle itself may have labelled flows, nobody looks.
func TestRecall(t *testing.T) {
	for _, c := range []struct {
		name    string
		bundles []string
		looks   int
		want    string
	}{
		{"none", nil, 0, "u b s0 confident final"},
		{"by the same bundle", []string{"d"}, 0, "u b s0 confident final"},
		{"by another", []string{"c"}, 1, ""},
		{"by both", []string{"c", "d"}, 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(spec(t, []int{1, 1}, says(.1), says(0)), Config{})
			looks, fault := 0, errors.New("no answer")
			r.decider = Tasks{NewSlot(r.cascade, func(_ context.Context, since time.Time) (Labelled, error) {
				if looks++; !since.Equal(time.Unix(7, 0)) {
					t.Errorf("%s: looks since %v", c.name, since)
				}
				return labelledFlows{"u": true}, fault
			})}.Decider()
			if err := r.decider.Recall(t.Context(), c.bundles, time.Unix(7, 0)); (err != nil) != (c.looks > 0) {
				t.Errorf("%s: %v", c.name, err)
			}
			looks, fault = 0, nil
			if err := r.decider.Recall(t.Context(), c.bundles, time.Unix(7, 0)); err != nil || looks != c.looks {
				t.Errorf("%s: looked %d times, want %d: %v", c.name, looks, c.looks, err)
			}
			r.feed([]int16{0}, 0)
			if got := r.verdicts(); got != c.want || r.acked != c.looks { // what has a verdict is told by the sink
				t.Errorf("%s: %q, told %d times, want %q", c.name, got, r.acked, c.want)
			}
		})
	}
}

// The bundles that flows are labelled by are the current one of each task, and others that
// flows still need.
func TestBundlesThatAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long, _ := version(t, "aaaaaaaaaaaaaaaaaaaa", says(.9))
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(long, Config{Timeout: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		p.packet(ctx, "u", 1)
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(Tasks{r.slot}.Bundles()); got != "[aaaaaaaaaaaa b]" {
			t.Errorf("held are %s", got)
		}
		p.decider.Close()
		synctest.Wait()
		if got := fmt.Sprint(Tasks{r.slot}.Bundles()); got != "[b]" {
			t.Errorf("held are %s", got)
		}
		stop()
	})
}

package cascade

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// New flows begin with the bundle that was adopted, whatever the slot holds meanwhile. It stays
// in memory until the decider adopts another one, or is closed.
func TestNewFlowsBeginWithTheAdoptedBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, model := version(t, "a", says(.9))
		b, other := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Provisional: true, Timeout: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		labelled := func(uid string) {
			for n := range uint32(3) {
				p.packet(ctx, uid, n+1)
			}
			synctest.Wait()
		}
		if p.decider.Adopt([]string{"b"}) || !p.decider.Adopt([]string{"b", "a"}) {
			t.Fatal("adopted what is not there, or not what is")
		}
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		labelled("first")
		if !p.decider.Adopt([]string{"a"}) {
			t.Error("the one that was adopted is gone")
		}
		labelled("second")
		if got := fmt.Sprint(r.labels("first"), r.labels("second")); got != "[a s0 a s1] [a s0 a s1]" || model.closed.Load() != 0 {
			t.Errorf("labels of %s; freed %d times", got, model.closed.Load())
		}
		if !p.decider.Adopt([]string{"b"}) {
			t.Error("the new one is not adopted")
		}
		labelled("third")
		if got := fmt.Sprint(r.labels("third")); got != "[b s0 b s1]" || model.closed.Load() != 1 || r.slot.Held() != 1 {
			t.Errorf("labels of %s; freed %d times, %d held", got, model.closed.Load(), r.slot.Held())
		}
		if err := r.slot.Swap(ctx, r.cascade(a)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if other.closed.Load() != 0 {
			t.Error("freed while it is adopted")
		}
		p.decider.Close()
		synctest.Wait()
		if other.closed.Load() != 1 || r.slot.Held() != 1 {
			t.Errorf("freed %d times, %d held, when the decider is closed", other.closed.Load(), r.slot.Held())
		}
	})
}

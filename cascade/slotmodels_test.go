package cascade

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A queued flow, and a call that was given up, keep their models from being freed.
func TestCallsKeepTheirModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a, model := version(t, "a", func(_ []float32, out []float64) error { <-release; return says(.9)(nil, out) })
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Timeout: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		for n := range uint32(3) {
			p.packet(ctx, "u", n+1)
		}
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.labels("u"); len(got) != 0 || model.closed.Load() != 0 {
			t.Errorf("labels %v, freed %d times, while the call is under way", got, model.closed.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := fmt.Sprint(r.labels("u")); got != "[a s0]" || model.closed.Load() != 0 {
			t.Errorf("labels %v, freed %d times, when the call was given up", got, model.closed.Load())
		}
		close(release)
		synctest.Wait()
		if model.closed.Load() != 1 || model.late.Load() != 0 || r.slot.Held() != 1 {
			t.Errorf("freed %d times, %d calls after that, %d held, when the call has returned", model.closed.Load(), model.late.Load(), r.slot.Held())
		}
		stop()
	})
}

// A flow that waits for room when its generation ends is no user of its models any more.
func TestAFlowThatFoundNoRoomNeedsNoModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a, model := version(t, "a", nil)
		model.model = func(_ []float32, out []float64) error { <-release; return says(.9)(nil, out) }
		a.Stages = a.Stages[1:] // no earlier stage answers: its flows wait
		a.Stages[0].Depth = 1
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Timeout: time.Hour})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go r.slot.Run(ctx)
		generation, end := context.WithCancel(t.Context())
		p := newFeeder(r.slot)
		go func() {
			for i := range 20 { // one is called, eight are queued, and one finds no room
				p.packet(generation, fmt.Sprint(i), 1)
			}
		}()
		time.Sleep(time.Second)
		end()
		synctest.Wait()
		p.decider.Close()
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		if model.closed.Load() != 1 || r.slot.Held() != 1 {
			t.Errorf("freed %d times, %d held", model.closed.Load(), r.slot.Held())
		}
	})
}

// A model that never returns does not hold up the end of the process.
func TestRunEndsBesideAModelThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		a, _ := version(t, "a", func(_ []float32, _ []float64) error { <-release; return nil })
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Timeout: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.slot.Run(ctx) }()
		p := newFeeder(r.slot)
		for n := range uint32(3) {
			p.packet(ctx, "u", n+1)
		}
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		stop()
		<-ended
	})
}

// A call that never returns keeps the model, but not the breaker's gauge.
func TestGaugesOfAModelThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a, _ := version(t, "a", func(_ []float32, _ []float64) error { <-release; return nil })
		b, _ := version(t, "b", says(.9))
		a.Stages[1].Name = "old"
		r := newSlotRig(a, Config{Timeout: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		for n := range uint32(3) {
			p.packet(ctx, "u", n+1)
		}
		time.Sleep(2 * time.Second)
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := fmt.Sprint(seriesOf(t, r.metrics.breaker), seriesOf(t, r.metrics.running)); got != "map[s1:0] map[old:1 s1:0]" {
			t.Errorf("while it hangs: %s", got)
		}
		close(release)
		synctest.Wait()
		if got := fmt.Sprint(seriesOf(t, r.metrics.running)); got != "map[s1:0]" {
			t.Errorf("when the call has returned: %s", got)
		}
		stop()
	})
}

// The breaker that is shown is that of the bundle that is served, also where the one before is
// never freed: its call hangs, and a probe was under way when the other one came.
func TestTheBreakerShownIsTheCurrentOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		a, model := version(t, "a", func(_ []float32, _ []float64) error { <-release; return nil })
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Provisional: true, Timeout: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		flow := func(uid string) {
			for n := range uint32(3) {
				p.packet(ctx, uid, n+1)
			}
		}
		flow("opens")
		p.packet(ctx, "open", 1)
		time.Sleep(1500 * time.Millisecond)
		flow("for the probe")
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // the probe hangs, too
		p.packet(ctx, "open", 2)
		p.packet(ctx, "open", 3) // the last flow of a
		time.Sleep(5 * time.Second)
		shown := testutil.ToFloat64(r.metrics.breaker.WithLabelValues("s1"))
		if now, _ := r.slot.current.Load().onlySlow().breaker.snapshot(); shown != float64(now) || model.closed.Load() != 0 {
			t.Errorf("the metric says %v, and the breaker is %v; the model before is freed %d times", shown, now, model.closed.Load())
		}
	})
}

// A bundle that is gone leaves no gauge behind: a breaker that was open would be so for ever.
// And what load does is shown of the bundle that new flows begin with.
func TestGaugesAreThoseOfTheBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := version(t, "a", fails)
		b, _ := version(t, "b", says(.9))
		a.Stages[1].Name, a.Stages[0].Threshold = "old", .3
		c, _ := version(t, "c", says(.9))
		c.Stages[0].Name = "renamed"
		r := newSlotRig(a, Config{Timeout: time.Second, Objective: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p, left := newFeeder(r.slot), newFeeder(r.slot)
		for i := range 2 * failureThreshold {
			for n := range uint32(3) {
				p.packet(ctx, fmt.Sprint(i), n+1)
				synctest.Wait()
			}
		}
		left.packet(ctx, "left", 1)
		if got := fmt.Sprint(seriesOf(t, r.metrics.breaker), seriesOf(t, r.metrics.threshold)); got != "map[old:2] map[s0:0.3]" {
			t.Errorf("at first: %s", got)
		}
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			time.Sleep(time.Second)
			synctest.Wait()
			if got := seriesOf(t, r.metrics.threshold)["s0"]; got != .2 {
				t.Errorf("with both in memory, the threshold shown is %v", got)
			}
		}
		left.decider.Close()
		synctest.Wait()
		if got := fmt.Sprint(seriesOf(t, r.metrics.breaker), seriesOf(t, r.metrics.running)); got != "map[s1:0] map[s1:0]" {
			t.Errorf("when the first is gone: %s", got)
		}
		if err := r.slot.Swap(ctx, r.cascade(c)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := fmt.Sprint(seriesOf(t, r.metrics.threshold), seriesOf(t, r.metrics.share)); got != "map[renamed:0.2] map[renamed:1]" {
			t.Errorf("when the second is gone: %s", got)
		}
		stop()
	})
}

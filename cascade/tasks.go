package cascade

import (
	"context"
	"errors"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/flow"
)

// Tasks are the cascades of several tasks, which decide the same flows on one pass. Each
// has stages, a slow stage and an emit of its own, so what ails one does not concern the
// others. Shadows come last, so that a flow's labels are on their way before one is asked.
type Tasks []*Slot

// Decider gives one partition's goroutine its own view of the cascades.
func (t Tasks) Decider() *Decider {
	d := &Decider{}
	for _, s := range t {
		d.tasks = append(d.tasks, decider{slot: s})
	}
	return d
}

// Run runs all cascades until ctx is done, as Slot.Run does.
func (t Tasks) Run(ctx context.Context) error {
	var all errgroup.Group
	for _, s := range t {
		all.Go(func() error { return s.Run(ctx) })
	}
	return all.Wait()
}

// Ready says in words why flows may have to wait for their labels; nil if they need not.
func (t Tasks) Ready() error {
	var faults []error
	for _, s := range t {
		faults = append(faults, s.Ready())
	}
	return errors.Join(faults...)
}

// Decider takes the flows of one partition through the stages of every task. It is for one
// goroutine.
type Decider struct{ tasks []decider }

// Decide takes a flow that is Ready as far as its packets go. A flow has a cursor for each
// task. It reports true when every task's final label is given or on its way, its shadow's too, and false
// when one of them waits for more packets: the flow then says how many.
//
// It blocks while emit blocks, and while a full queue of a slow stage holds the input
// back. When ctx is done it returns true without the label, and the flow's Acker is
// not told: the flow keeps its place in the log, and whoever reads the partition next
// labels it.
func (d *Decider) Decide(ctx context.Context, f *flow.Flow) bool {
	done, want := true, int8(math.MaxInt8)
	for i := range d.tasks {
		at := &f.Cursors[i]
		if !at.Done && (f.Cause() != flow.Reached || at.Cause != flow.Reached || f.Reach() >= int(at.Want)) {
			at.Done = d.tasks[i].decideByOne(ctx, f, at)
		}
		if !at.Done {
			done, want = false, min(want, at.Want)
		}
	}
	f.Want = want
	return done
}

// Close lets go of the flows that wait for more packets: this Decider decides nothing more,
// and whoever reads the partition next begins with them anew.
func (d *Decider) Close() {
	for i := range d.tasks {
		d.tasks[i].close()
	}
}

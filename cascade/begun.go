package cascade

import (
	"context"
	"slices"

	"github.com/serveflow/serveflow/flow"
)

// begun is a cascade by which flows of one decider are being decided. Each of the flows
// counts among the cascade's users.
type begun struct {
	cascade *Cascade
	flows   int
}

// decideByOne takes a flow as far as decide does, by the cascade that the flow began with:
// at the first decision, that is the one that the slot holds. A shadow is done with a flow
// outside its share at once.
func (d *decider) decideByOne(ctx context.Context, f *flow.Flow, at *flow.Cursor) (done bool) {
	if by := d.slot.shadow; by != nil && at.Begun == 0 && !by.Has(f.UID) {
		return true
	}
	if at.Begun == 0 && d.isLabelled(f.UID) {
		d.slot.metrics.labelledBefore.Inc()
		f.Acker.Ack()
		return true
	}
	i := d.begin(at)
	d.cascade = d.begun[i].cascade
	d.scores = resize(d.scores, len(d.cascade.spec.Classes))
	if !d.decide(ctx, f, at) {
		return false
	}
	d.begun[i].flows--
	d.cascade.users.leave(1)
	if d.begun[i].flows == 0 {
		d.begun = slices.Delete(d.begun, i, i+1)
	}
	return true
}

// begin gives the place in begun of the flow's cascade.
func (d *decider) begin(at *flow.Cursor) int {
	first := at.Begun == 0
	var c *Cascade
	if first {
		if c = d.adopted; c != nil {
			c.users.add() // the decider is one of them
		} else {
			c = d.slot.hold()
		}
		at.Begun = c.number
	}
	i := slices.IndexFunc(d.begun, func(b begun) bool { return b.cascade.number == at.Begun })
	if i < 0 {
		i, d.begun = len(d.begun), append(d.begun, begun{cascade: c})
	}
	if first {
		d.begun[i].flows++
	}
	return i
}

// close lets go of the flows that wait for more packets.
func (d *decider) close() {
	for _, b := range d.begun {
		b.cascade.users.leave(b.flows)
	}
	if d.adopted != nil {
		d.adopted.users.leave(1)
	}
	d.begun, d.cascade, d.adopted = nil, nil, nil
}

// adopt has new flows begin with the cascade that the slot holds now, if its bundle is among
// these. The cascade has the decider among its users until another one is adopted.
func (d *decider) adopt(bundles []string) bool {
	if d.slot.shadow != nil {
		return true // nothing is committed of its labels
	}
	c := d.slot.current.Load()
	if c == d.adopted || !slices.Contains(bundles, c.short()) || !c.users.hold() {
		return d.adopted != nil
	}
	if d.adopted != nil {
		d.adopted.users.leave(1)
	}
	d.adopted = c
	return true
}

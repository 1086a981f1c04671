package assembler

import (
	"context"
	"strconv"
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

// Decider takes a flow that is ready as far as its packets go. It reports true when the
// flow's label is given or on its way for every task and shadow, so that the table may forget the
// flow. It may block until ctx is done.
type Decider interface {
	Decide(ctx context.Context, f *flow.Flow) bool
	// Close lets go of the flows that wait for more packets. Decide is not called after it.
	Close()
}

// Assembler takes the records of one partition, or of one file, in order. It is for one
// goroutine.
type Assembler struct {
	decoder zeek.Decoder
	record  zeek.Record
	table   *flow.Table
	decider Decider
	metrics *Metrics

	tasks                   int    // that label each flow
	partition               string // as metrics name it
	forgotten, withoutFirst int    // counted so far
	foreign                 int    // records so far that were of another log
}

// New builds an assembler with an empty flow table of a valid config, for a partition.
func New(cfg flow.Config, limits zeek.Limits, partition int, d Decider, m *Metrics) *Assembler {
	return &Assembler{decoder: zeek.Decoder{Conns: cfg.Conns, Limits: limits}, table: flow.New(cfg), decider: d, metrics: m,
		tasks: cfg.Tasks, partition: strconv.Itoa(partition)}
}

// Take takes one record's bytes, which it does not keep. Where the record opens a flow,
// it pins the record's offset until the flow's label is written. The error is a
// *zeek.Error: the record is bad, and no flow has it.
func (a *Assembler) Take(ctx context.Context, value []byte, offset int64, pins delivery.Pinner) error {
	if err := a.decoder.Decode(value, &a.record); err != nil {
		a.table.Skip()
		a.expire(ctx)
		return err
	}
	a.add(ctx, offset, pins)
	return nil
}

// add puts the record into the table and decides what is then to be decided.
func (a *Assembler) add(ctx context.Context, offset int64, pins delivery.Pinner) {
	f, outcome := a.table.Add(&a.record)
	a.metrics.records[outcome].Inc()
	if outcome == flow.Foreign {
		a.foreign++
	}
	if outcome == flow.Opened {
		f.Acker = delivery.All(pins.Pin(offset), a.tasks)
	}
	if f != nil && f.Ready() {
		a.decide(ctx, f)
	}
	a.expire(ctx)
}

// WarmUp takes a record that was finished before the partition was resumed. It opens no
// flow: either the record's flow is open, or it is finished and its uid is remembered.
func (a *Assembler) WarmUp(ctx context.Context, value []byte) {
	switch {
	case a.decoder.Decode(value, &a.record) != nil:
	case a.table.Has(a.record.UID):
		a.add(ctx, 0, nil) // nothing is pinned: the flow is open already
	default:
		a.table.WarmUp(&a.record)
		a.expire(ctx)
	}
}

// AfterFetch moves the clocks on by wall time where the partition is read to its end,
// and brings the metrics up to date.
func (a *Assembler) AfterFetch(ctx context.Context, _ bool, waited time.Duration) {
	if waited > 0 {
		a.table.Idle(waited)
		a.expire(ctx)
	}
	a.observe()
}

// Drain decides every open flow with what there is, because no record will follow.
func (a *Assembler) Drain(ctx context.Context) {
	for f := a.table.Drain(); f != nil; f = a.table.Drain() {
		a.decide(ctx, f)
	}
}

// Close forgets the open flows, which somebody else decides. Nothing may be called after it.
func (a *Assembler) Close() { a.decider.Close() }

// Open is how many flows have no label yet.
func (a *Assembler) Open() int {
	open, _, _ := a.table.Size()
	return open
}

// Foreign is how many records so far were of another log, and so of no flow.
func (a *Assembler) Foreign() int { return a.foreign }

// expire decides the flows whose time is over, and those that memory has no room for.
func (a *Assembler) expire(ctx context.Context) {
	for f := a.table.Due(); f != nil; f = a.table.Due() {
		a.decide(ctx, f)
	}
}

func (a *Assembler) decide(ctx context.Context, f *flow.Flow) {
	if a.decider.Decide(ctx, f) {
		a.table.Finish(f)
	} else {
		a.table.Keep(f)
	}
}

// Package consumer takes packet records from Kafka, rebuilds the flows and has
// them decided: one goroutine, one flow table and one decider a partition. Or it
// hands the records on, keyed by uid, for producers that do not key.
package consumer

import (
	"time"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// Decider takes a flow that is ready as far as its packets go; true when its
// label is given or on its way, so that the table may forget it.
type Decider interface {
	Decide(f *flow.Flow) bool
}

// BadRecord is a record that could not be decoded, or what is left of a batch that
// could not be read, with all that is needed to find it and mend it.
type BadRecord struct {
	Value     []byte // the original bytes; of a batch as they lay in the log
	Size      int    // how many those were: Value is only the beginning of large ones
	Topic     string
	Partition int
	Offset    int64
	Offsets   int64  // how many it spans: 1, but for a batch
	Reason    string // one of Reasons
	Stage     string // where it was refused: decode or fetch
	Err       error
	Pin       flow.Acker // to be acknowledged when the dead letter is written
}

// Worker takes the records of one partition, or of one file, in order. It is for
// one goroutine.
type Worker struct {
	decoder zeek.Decoder
	record  zeek.Record
	table   *flow.Table
	decider Decider
	metrics *Metrics
}

// NewWorker builds a worker with an empty flow table of a valid config.
func NewWorker(cfg flow.Config, limits zeek.Limits, d Decider, m *Metrics) *Worker {
	return &Worker{decoder: zeek.Decoder{Conns: cfg.Conns, Limits: limits}, table: flow.New(cfg), decider: d, metrics: m}
}

// Take takes one record's bytes, which it does not keep. pin is asked for once
// where the record opens a flow: it holds the record's place until the flow's
// label is written. The error is a *zeek.Error: the record is bad and no flow
// has it.
func (w *Worker) Take(value []byte, pin func() flow.Acker) error {
	if err := w.decoder.Decode(value, &w.record); err != nil {
		w.table.Skip()
		w.Settle()
		return err
	}
	w.add(pin)
	return nil
}

// add puts the record into the table and decides what is then to be decided.
func (w *Worker) add(pin func() flow.Acker) {
	f, outcome := w.table.Add(&w.record)
	w.metrics.took(outcome)
	if outcome == flow.Opened {
		f.Pin = pin()
	}
	if f != nil && f.Ready() {
		w.decide(f)
	}
	w.Settle()
}

// Settle decides the flows whose time is over, and those that memory has no room for.
func (w *Worker) Settle() {
	for f := w.table.Due(); f != nil; f = w.table.Due() {
		w.decide(f)
	}
}

// Drain decides every open flow with what there is, because no record will follow.
func (w *Worker) Drain() {
	for f := w.table.Drain(); f != nil; f = w.table.Drain() {
		w.decide(f)
	}
}

// Relearn takes a record that was done with before the partition was resumed. It
// opens nothing: either its flow is open, or it is finished, and its uid is
// remembered.
func (w *Worker) Relearn(value []byte) {
	switch {
	case w.decoder.Decode(value, &w.record) != nil:
	case w.table.Has(w.record.UID):
		w.add(nil)
	default:
		w.table.WarmUp(&w.record)
		w.Settle()
	}
}

// Idle tells the flows for how long in wall time there was no record to read.
func (w *Worker) Idle(waited time.Duration) {
	w.table.Idle(waited)
	w.Settle()
}

// Open is how many flows have no label yet.
func (w *Worker) Open() int {
	open, _, _ := w.table.Size()
	return open
}

func (w *Worker) decide(f *flow.Flow) {
	if w.decider.Decide(f) {
		w.table.Finish(f)
	} else {
		w.table.Keep(f)
	}
}

package rerun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

// Run is one way to label records.
type Run struct {
	Spec    *cascade.Spec
	Flow    flow.Config // valid, and for one task: that of Spec
	Limits  zeek.Limits
	Cascade cascade.Config // valid; the run is deterministic whatever this says
	Log     *slog.Logger   // hears of models that fail
}

// Result is what came of a run.
type Result struct {
	Verdicts   []cascade.Verdict // the final ones, in order of the flows' first packets, then of their uids
	Foreign    int               // records of another log, which made no flow
	Unlabelled int               // flows that got no label, because the models failed
	CPU        time.Duration     // processor's time of this process during the run, reading the records included
}

// Label labels the flows of the records. The same records and cascade give the same verdicts each
// time, but for the times that computing took.
func (r Run) Label(ctx context.Context, records *Records) (Result, error) {
	if records.decoder.Conns != r.Flow.Conns || r.Flow.Conns != r.Spec.Conns {
		return Result{}, errors.New("rerun: the records, the flow table and the bundle must all be of packets, or all of conn.log")
	}
	began, err := processorTime()
	if err != nil {
		return Result{}, err
	}
	kept := &kept{}
	cfg := r.Cascade
	cfg.Deterministic, cfg.Provisional = true, false
	slots := cascade.Tasks{cascade.NewSlot(cascade.New(r.Spec, cfg, cascade.NewMetrics(prometheus.NewRegistry(), r.Log), kept.put), nil)}
	running, stop := context.WithCancel(context.Background())
	idle := make(chan error, 1)
	go func() { idle <- slots.Run(running) }()
	flows := assembler.New(r.Flow, r.Limits, 0, slots.Decider(), assembler.NewMetrics(prometheus.NewRegistry()))
	opened, err := take(ctx, flows, records)
	stop() // what is queued is still answered
	if err = errors.Join(err, <-idle); err != nil {
		return Result{}, err
	}
	ended, err := processorTime()
	slices.SortFunc(kept.all, func(a, b cascade.Verdict) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.UID, b.UID), cmp.Compare(a.Sensor, b.Sensor))
	})
	return Result{Verdicts: kept.all, Foreign: flows.Foreign(), Unlabelled: opened.flows - len(kept.all), CPU: ended - began}, err
}

// take takes all records, and then decides what is still open. It counts the flows.
func take(ctx context.Context, flows *assembler.Assembler, records *Records) (*opened, error) {
	count := &opened{}
	for i, line := range records.all {
		if ctx.Err() != nil {
			return count, ctx.Err()
		}
		if err := flows.Take(ctx, line, int64(i), count); err != nil {
			return count, fmt.Errorf("rerun: record %d: %w", i+1, err)
		}
	}
	flows.Drain(ctx)
	return count, ctx.Err()
}

// kept keeps verdicts, which come from several goroutines.
type kept struct {
	mu  sync.Mutex
	all []cascade.Verdict
}

func (k *kept) put(_ context.Context, v cascade.Verdict) {
	v.Acker = nil
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, v)
}

// opened counts the flows that open. Nobody waits for their labels.
type opened struct{ flows int }

// Pin counts a flow, and gives an Acker that tells nobody.
func (o *opened) Pin(int64) delivery.Acker { o.flows++; return o }

// Ack tells nobody.
func (*opened) Ack() {}

// processorTime is what this process has used so far, all threads together.
func processorTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("processor's time of this process: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

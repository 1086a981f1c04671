package load

import (
	"context"
	"io"
	"log/slog"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/delivery"
)

// phase is a time in which the load stays.
type phase struct {
	load float64
	last time.Duration
}

// schedule has two, five and ten times what is sustainable; the last is a burst of ten seconds.
func schedule() []phase {
	return []phase{{1, 6 * time.Second}, {2, 6 * time.Second}, {1, 4 * time.Second}, {5, 6 * time.Second}, {1, 6 * time.Second}, {10, 10 * time.Second}, {1, 8 * time.Second}}
}

// run takes the records through a policy's cascade, and gives what came of each flow.
type run struct {
	traffic *traffic
	spec    *cascade.Spec
	decider *cascade.Decider
	load    float64
	began   time.Time

	mu    sync.Mutex
	flows map[string]*outcome // by uid, of the last lap
	order []*outcome
}

// outcome is what came of one flow. Times are since the run began.
type outcome struct {
	opened, asked, labelled time.Duration
	truth, label            string
	slow, degraded          bool
	labels                  int
}

// Decide notes when a flow was asked about: if it goes to the slow stage, that is when it was
// queued.
func (r *run) Decide(ctx context.Context, f *flow.Flow) bool {
	now := time.Since(r.began)
	r.mu.Lock()
	o := r.flows[f.UID]
	if o == nil || o.labels > 0 { // the same flow, of the next lap
		o = &outcome{opened: now}
		r.flows[f.UID] = o
		r.order = append(r.order, o)
	}
	o.asked = now
	r.mu.Unlock()
	return r.decider.Decide(ctx, f)
}

// Close does nothing: all lanes share the decider until the end.
func (r *run) Close() {}

func (r *run) emit(_ context.Context, v cascade.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.flows[v.UID]
	o.labelled, o.label, o.truth = v.Decided.Sub(r.began), v.Label(), r.traffic.truth(&v)
	o.slow, o.degraded = v.Stage == r.spec.Stages[len(r.spec.Stages)-1].Name, v.Reason == cascade.Degraded
	o.labels++
}

// Pin gives an Acker that tells nobody.
func (r *run) Pin(int64) delivery.Acker { return r }

// Ack tells nobody.
func (r *run) Ack() {}

// do runs the schedule on a clock that stands still while anything but the slow stage works. pace
// is the seconds of record time that each second has at a load of one.
func (p policy) do(t *testing.T, traffic *traffic, spec *cascade.Spec, each time.Duration, pace float64) []*outcome {
	r := &run{traffic: traffic, load: 1, flows: map[string]*outcome{}}
	synctest.Test(t, func(t *testing.T) {
		r.began = time.Now()
		r.spec = p.under(spec, each, &r.load)
		queue := 1 << 20
		if each > 0 {
			queue = int(full / each)
		}
		cfg := cascade.Config{Queue: queue, Workers: 1, Batch: batch, Wait: never, Objective: p.objective, Timeout: 2 * time.Second}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		cascades := cascade.Tasks{cascade.NewSlot(cascade.New(r.spec, cfg, cascade.NewMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(io.Discard, nil))), r.emit), nil)}
		r.decider = cascades.Decider()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- cascades.Run(ctx) }()
		r.feed(t.Context(), pace)
		time.Sleep(5 * time.Second)
		stop()
		<-ended
	})
	return r.order
}

// feed offers the records by the schedule. The lanes do not begin at once again.
func (r *run) feed(ctx context.Context, pace float64) {
	var at [lanes]*lane
	for i := range lanes {
		at[i] = &lane{run: r, records: r.traffic.records[i], metrics: assembler.NewMetrics(prometheus.NewRegistry())}
		at[i].begin(r.traffic.span * float64(i) / lanes)
	}
	for _, phase := range schedule() {
		r.load = phase.load
		for range phase.last / time.Millisecond {
			for _, l := range at {
				l.advance(ctx, phase.load*pace/1000)
			}
			time.Sleep(time.Millisecond)
		}
	}
	for _, l := range at {
		l.flows.Drain(ctx)
		if l.before != nil {
			l.before.Drain(ctx)
		}
	}
}

// lane reads its records over and over.
type lane struct {
	run     *run
	records []record
	metrics *assembler.Metrics
	flows   *assembler.Assembler
	clock   float64 // record time, seconds since the lane's begin
	next    int

	before *assembler.Assembler // of the last lap, while it has flows that wait for packets; else nil
}

// begin reads from a time on, with an empty flow table.
func (l *lane) begin(clock float64) {
	l.clock = clock
	l.next = sort.Search(len(l.records), func(i int) bool { return l.records[i].at >= clock })
	spec := l.run.spec
	l.flows = assembler.New(flow.Config{
		Rules:    flow.Rules{Depth: spec.Depth(), Idle: 2 * time.Second, MaxAge: time.Minute, Lateness: time.Second},
		Limits:   flow.Limits{Flows: 500_000, Bytes: 1 << 28, Finished: 1 << 17},
		Remember: 6 * time.Minute, Want: spec.Stages[0].Depth, Tasks: 1,
	}, zeek.Limits{}, 0, l.run, l.metrics)
}

// advance takes the records of the next seconds of record time.
func (l *lane) advance(ctx context.Context, seconds float64) {
	for l.clock += seconds; l.next < len(l.records) && l.records[l.next].at <= l.clock; l.next++ {
		l.flows.Take(ctx, l.records[l.next].line, int64(l.next), l.run)
	}
	if l.before != nil {
		if l.before.AfterFetch(ctx, true, time.Duration(seconds*float64(time.Second))); l.before.Open() == 0 {
			l.before = nil
		}
	}
	if l.clock >= l.run.traffic.span {
		l.before = l.flows
		l.begin(l.clock - l.run.traffic.span)
	}
}

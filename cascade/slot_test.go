package cascade

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/delivery"
)

// closable is a model that knows when it is freed, and whether it was called after that.
type closable struct {
	model  modelFunc
	closed atomic.Int32
	late   atomic.Int32 // calls after Close
}

func (m *closable) Predict(rows []float32, n int, out []float64) error {
	defer func() { m.late.Add(m.closed.Load()) }()
	return m.model.Predict(rows, n, out)
}

func (m *closable) Close() error { m.closed.Add(1); return nil }

// slotRig has a slot, and keeps the verdicts of all cascades that were in it, by uid.
type slotRig struct {
	slot    *Slot
	metrics *Metrics
	cfg     Config
	mu      sync.Mutex
	got     map[string][]Verdict
}

func newSlotRig(first *Spec, cfg Config) *slotRig {
	cfg.Queue, cfg.Workers, cfg.Batch, cfg.Wait = 8, 1, 4, time.Minute
	r := &slotRig{cfg: cfg, got: map[string][]Verdict{}, metrics: NewMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(io.Discard, nil)))}
	r.slot = NewSlot(r.cascade(first), nil)
	return r
}

func (r *slotRig) cascade(s *Spec) *Cascade {
	return New(s, r.cfg, r.metrics, func(_ context.Context, v Verdict) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got[v.UID] = append(r.got[v.UID], v)
	})
}

// labels gives a flow's verdicts as digest and stage.
func (r *slotRig) labels(uid string) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.got[uid] {
		all = append(all, v.Spec.Digest+" "+v.Stage)
	}
	return all
}

// finals counts the final verdicts of all flows.
func (r *slotRig) finals() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, all := range r.got {
		for _, v := range all {
			if v.Final {
				n++
			}
		}
	}
	return n
}

// version is a bundle of two stages, the first of which is never sure.
func version(t *testing.T, digest string, slow modelFunc) (*Spec, *closable) {
	m := &closable{model: slow}
	s := spec(t, []int{1, 3}, says(.6), m)
	s.Digest = digest
	return s, m
}

// feeder is one partition: its table and its decider.
type feeder struct {
	table   *flow.Table
	decider *Decider
	acker   delivery.Acker // of each flow
}

func newFeeder(slot *Slot) *feeder {
	return &feeder{flow.New(flow.Config{Rules: flow.Rules{Depth: 3, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 1000, Bytes: 1 << 22, Finished: 10}, Want: 1}), Tasks{slot}.Decider(), nil}
}

// packet has the flow's n-th packet decided.
func (p *feeder) packet(ctx context.Context, uid string, n uint32) {
	f, outcome := p.table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte(uid), N: n, TS: 1e15 + int64(n), Proto: zeek.TCP,
		Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")})
	if f == nil || !f.Ready() {
		return
	}
	if outcome == flow.Opened {
		f.Acker = p.acker
	}
	if p.decider.Decide(ctx, f) {
		p.table.Finish(f)
	} else {
		p.table.Keep(f)
	}
}

// Each flow has all its labels of one bundle, none is lost, and what is no longer needed is
// freed once and not called again.
func TestSwapsUnderLoad(t *testing.T) {
	const swaps, flows = 200, 4000
	first, m := version(t, "0", says(.9))
	r := newSlotRig(first, Config{Provisional: true, Timeout: time.Minute, CatchingUp: func() bool { return true }})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.slot.Run(ctx) }()
	before := runtime.NumGoroutine()
	var partitions sync.WaitGroup
	turns := [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)} // one a swap, while the last one is used
	for id := range 2 {
		partitions.Go(func() {
			p := newFeeder(r.slot)
			for i := range flows { // the packets of 20 flows lie between each other
				if i%(flows/swaps) == 0 {
					<-turns[id]
				}
				for n := range uint32(3) {
					if of := i - 10*int(n); of >= 0 {
						p.packet(ctx, fmt.Sprintf("%d-%d", id, of), n+1)
					}
				}
			}
			for i := flows - 20; i < flows; i++ {
				p.packet(ctx, fmt.Sprintf("%d-%d", id, i), 2)
				p.packet(ctx, fmt.Sprintf("%d-%d", id, i), 3)
			}
			p.decider.Close()
		})
	}
	models := []*closable{m}
	for i := range swaps {
		next, m := version(t, fmt.Sprint(i+1), says(.9))
		models = append(models, m)
		if err := r.slot.Swap(ctx, r.cascade(next)); err != nil {
			t.Fatal(err)
		}
		for _, turn := range turns {
			turn <- struct{}{}
		}
	}
	partitions.Wait()
	await.Until(t, "all but one to be freed", func() bool { return r.slot.Held() == 1 })
	await.Until(t, "the last bundle's queue to be answered", func() bool { return r.finals() == 2*flows }) // a stop would leave it
	if now := runtime.NumGoroutine(); now > before+10 {                                                    // one cascade has some, and 200 would have hundreds
		t.Errorf("%d goroutines, %d before", now, before)
	}
	stop()
	<-ended
	for i, m := range models {
		if want := int32(1); m.closed.Load() != want && i < swaps || i == swaps && m.closed.Load() != 0 || m.late.Load() != 0 {
			t.Errorf("bundle %d was freed %d times, and called %d times after that", i, m.closed.Load(), m.late.Load())
		}
	}
	used := map[string]bool{}
	for id := range 2 {
		for i := range flows {
			uid := fmt.Sprintf("%d-%d", id, i)
			all := r.got[uid]
			if len(all) != 2 || all[0].Final || !all[1].Final || all[0].Spec != all[1].Spec {
				t.Fatalf("flow %s: %v", uid, r.labels(uid))
			}
			used[all[0].Spec.Digest] = true
		}
	}
	if len(used) < swaps/2 {
		t.Errorf("only %d of %d bundles decided a flow", len(used), swaps)
	}
}

// A flow is decided by the bundle that it began with, which is freed after the last of them.
func TestOpenFlowsKeepTheirBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, model := version(t, "a", says(.9))
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Provisional: true, Timeout: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p, idle := newFeeder(r.slot), newFeeder(r.slot)
		p.packet(ctx, "old", 1)
		idle.packet(ctx, "left", 1)
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		p.packet(ctx, "new", 1)
		for n := range uint32(2) {
			p.packet(ctx, "old", n+2)
			p.packet(ctx, "new", n+2)
		}
		synctest.Wait()
		if got := fmt.Sprint(r.labels("old"), r.labels("new")); got != "[a s0 a s1] [b s0 b s1]" {
			t.Errorf("labels of %s", got)
		}
		if model.closed.Load() != 0 || r.slot.Held() != 2 {
			t.Errorf("freed %d times, %d held, while another partition has a flow of it", model.closed.Load(), r.slot.Held())
		}
		idle.decider.Close() // its generation is over
		synctest.Wait()
		if model.closed.Load() != 1 || r.slot.Held() != 1 {
			t.Errorf("freed %d times, %d held, with no flow of it left", model.closed.Load(), r.slot.Held())
		}
		stop()
	})
}

// Going back to a bundle that flows still need takes that one; else there is none to go back to.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, model := version(t, "a", says(.9))
		b, _ := version(t, "b", says(.9))
		r := newSlotRig(a, Config{Provisional: true, Timeout: time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		go r.slot.Run(ctx)
		p := newFeeder(r.slot)
		p.packet(ctx, "old", 1)
		if err := r.slot.Swap(ctx, r.cascade(b)); err != nil {
			t.Fatal(err)
		}
		if !r.slot.Restore("a") {
			t.Fatal("a is still needed, and was not restored")
		}
		for n := range uint32(3) {
			p.packet(ctx, "new", n+1)
			p.packet(ctx, "old", n+2)
		}
		synctest.Wait()
		if got := fmt.Sprint(r.labels("old"), r.labels("new")); got != "[a s0 a s1] [a s0 a s1]" {
			t.Errorf("labels of %s", got)
		}
		if r.slot.Restore("b") || model.closed.Load() != 0 || r.slot.Held() != 1 {
			t.Errorf("b is not freed, or a is: %d held", r.slot.Held())
		}
		stop()
	})
}

// seriesOf are the stages of a metric, with its value.
func seriesOf(t *testing.T, of prometheus.Collector) map[string]float64 {
	t.Helper()
	registry, all := prometheus.NewRegistry(), map[string]float64{}
	registry.MustRegister(of)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			all[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return all
}

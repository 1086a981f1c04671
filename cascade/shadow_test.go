package cascade

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/serveflow/serveflow/cascade/drift"
	"github.com/serveflow/serveflow/cascade/shadow"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// kept has the verdicts of a cascade and how many flows' places in the log are given up.
type kept struct {
	mu    sync.Mutex
	got   map[string]Verdict
	acked atomic.Int32
}

func (k *kept) Ack() { k.acked.Add(1) }

func (k *kept) emit(_ context.Context, v Verdict) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got[v.UID] = v
	if v.Acker != nil {
		v.Acker.Ack()
	}
}

// texts are the verdicts but for what wall time says.
func (k *kept) texts() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string]string{}
	for uid, v := range k.got {
		v.Decided, v.Computed, v.Spec, v.Acker = time.Time{}, 0, nil, nil
		all[uid] = fmt.Sprintf("%+v", v)
	}
	return all
}

// shadowOf builds a shadow whose verdicts are kept.
func shadowOf(s *Spec, cfg Config, share shadow.Share) (*Slot, *kept) {
	k := &kept{got: map[string]Verdict{}}
	cfg.Shadow, cfg.Workers, cfg.Batch, cfg.Wait, cfg.Objective = true, 1, 4, time.Minute, time.Minute
	m := NewShadowMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	return NewShadow(New(s, cfg, m, k.emit), share), k
}

// mainOf builds the slot of a bundle whose first stage is sure of no flow.
func mainOf(t *testing.T) (*Slot, *kept) {
	k := &kept{got: map[string]Verdict{}}
	m := NewMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	cfg := Config{Queue: 8, Workers: 1, Batch: 4, Wait: time.Minute, Objective: time.Minute, Timeout: time.Hour, HoldBack: true}
	return NewSlot(New(spec(t, []int{1, 2}, says(.6), says(.3)), cfg, m, k.emit), nil), k
}

// partition is a feeder of tasks, of which all but the first are shadows.
func partition(all Tasks, acker *kept) *feeder {
	return &feeder{flow.New(flow.Config{Rules: flow.Rules{Depth: 3, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 1000, Bytes: 1 << 22, Finished: 1000}, Want: 1, Tasks: 1, Shadows: len(all) - 1}), all.Decider(), acker}
}

// What a shadow does, or does not do, changes no label of the main bundle, and holds none
// back: not while its slow stage hangs, with or without an earlier answer.
func TestAShadowChangesNoLabel(t *testing.T) {
	const flows = 100
	for _, partitions := range []int{1, 3} {
		var want map[string]string
		for _, c := range []struct {
			name   string
			depths []int
			first  []Model
		}{
			{"none", nil, nil},
			{"an earlier answer", []int{1, 3}, []Model{says(.6)}},
			{"no earlier answer", []int{1}, nil},
		} {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				hangs := modelFunc(func([]float32, []float64) error { <-release; return nil })
				slot, k := mainOf(t)
				all := Tasks{slot}
				var second *kept
				if c.depths != nil {
					var beside *Slot
					beside, second = shadowOf(spec(t, c.depths, append(slices.Clone(c.first), hangs)...), Config{Queue: 2, Timeout: time.Second}, 1)
					all = append(all, beside)
				}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); all.Run(ctx) }()
				var feeders []*feeder
				for range partitions {
					feeders = append(feeders, partition(all, k))
				}
				began := time.Now()
				for n := range uint32(2) { // the shadow waits for a third packet of some
					for i := range flows {
						feeders[i%partitions].packet(ctx, fmt.Sprint("C", i), n+1)
					}
				}
				synctest.Wait()
				if took := time.Since(began); took != 0 {
					t.Errorf("%d partitions, %s: labels took %v of virtual time", partitions, c.name, took)
				}
				if len(k.texts()) != flows || k.acked.Load() != flows {
					t.Fatalf("%d partitions, %s: %d labels, %d places given up, want %d", partitions, c.name, len(k.texts()), k.acked.Load(), flows)
				}
				open := 0
				for _, p := range feeders {
					n, _, _ := p.table.Size()
					open += n
				}
				if open != 0 {
					t.Errorf("%d flows count as open, though each has its label", open)
				}
				for i := range flows {
					feeders[i%partitions].packet(ctx, fmt.Sprint("C", i), 3)
				}
				time.Sleep(3 * time.Second) // the call is given up, and the breaker opens
				if err := all.Ready(); err != nil {
					t.Error(err)
				}
				stop()
				<-ended
				close(release)
				if want == nil {
					want = k.texts()
				} else if !maps.Equal(k.texts(), want) || k.acked.Load() != flows {
					t.Errorf("%d partitions, %s: other labels", partitions, c.name)
				}
				switch {
				case second == nil:
				case len(c.first) > 0 && len(second.got) != flows:
					t.Errorf("%d labels of the shadow, want %d: of its first stage, degraded or breaker", len(second.got), flows)
				case len(c.first) == 0:
					if n := testutil.ToFloat64(all[1].metrics.unlabelled); n != flows || len(second.got) != 0 {
						t.Errorf("%v flows without a label of the shadow, and %d with one; want %d without", n, len(second.got), flows)
					}
				}
			})
		}
	}
}

// A shadow is asked about its share alone, and what is outside costs no memory.
func TestAShadowIsAskedAboutItsShare(t *testing.T) {
	const share = shadow.Share(.3)
	m := newRig(spec(t, []int{1, 1}, says(.9), says(0)), Config{})
	beside, second := shadowOf(spec(t, []int{1, 1}, says(.1), says(0)), Config{Queue: 1}, share)
	p := partition(Tasks{m.slot, beside}, &kept{})
	for i := range 200 {
		uid := fmt.Sprint("C", i)
		p.packet(t.Context(), uid, 1)
		v, asked := second.got[uid]
		if asked != share.Has(uid) || asked && (v.Label() != "b" || v.Acker != nil) {
			t.Errorf("%s, in the share: %t, is asked about: %t, %+v", uid, share.Has(uid), asked, v)
		}
	}
	if len(m.got) != 200 {
		t.Errorf("%d labels", len(m.got))
	}
	if n := testutil.ToFloat64(m.cascade.metrics.labels.of(labelKind{"s0", Confident, true})); n != 200 {
		t.Errorf("%v labels are counted for the main bundle", n)
	}
}

// Without a shadow, and outside its share, deciding a flow allocates what it did.
func TestAShadowCostsNothingElsewhere(t *testing.T) {
	allocations := func(beside ...*Slot) float64 {
		c := New(spec(t, []int{1, 1}, says(.9), says(0)), Config{Queue: 1}, NewMetrics(prometheus.NewRegistry(), slog.Default()), func(context.Context, Verdict) {})
		all := append(Tasks{NewSlot(c, nil)}, beside...)
		d := all.Decider()
		f, _ := partition(all, nil).table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("CHhAvVGS1DHFjwGM9"), N: 1, TS: 1e15, Proto: zeek.TCP})
		return testing.AllocsPerRun(100, func() {
			for i := range f.Cursors {
				f.Cursors[i] = flow.Cursor{Answer: f.Cursors[i].Answer[:0]}
			}
			if !d.Decide(t.Context(), f) {
				t.Fatal("the flow waits")
			}
		})
	}
	beside, second := shadowOf(spec(t, []int{1, 1}, says(.9), says(0)), Config{Queue: 1}, 0)
	if without, outside := allocations(), allocations(beside); without != outside || len(second.got) != 0 {
		t.Errorf("%v allocations without a shadow, %v with one that is not asked", without, outside)
	}
}

// What is queued at a stop is dropped: the process does not wait for a shadow.
func TestAShadowIsNotWaitedFor(t *testing.T) {
	for shadows, want := range map[bool]string{true: "", false: "u b s1 last_stage final"} {
		r := newRig(spec(t, []int{1, 1}, says(.6), says(.3)), Config{Shadow: shadows})
		r.feed([]int16{0}, 0)
		r.drain()
		if got := r.verdicts(); got != want {
			t.Errorf("shadow %t: %q, want %q", shadows, got, want)
		}
	}
}

// A shadow's thresholds are its bundle's, whatever the load, and its share of the flows is held
// against no reference.
func TestAShadowIsNotSteered(t *testing.T) {
	for shadows, want := range map[bool]bool{true: false, false: true} {
		s := spec(t, []int{1, 1}, says(.6), says(.3))
		s.Drift = &drift.Reference{}
		c := newRig(s, Config{Shadow: shadows}).cascade
		if steers, drifts := c.onlySlow().steering != nil, c.emitter.drift != nil; steers != want || drifts != want {
			t.Errorf("shadow %t: steering %t, drift %t", shadows, steers, drifts)
		}
	}
}

// A commit names the bundles whose labels are served: a shadow's are not looked for.
func TestCommitsNameNoShadow(t *testing.T) {
	slot, _ := mainOf(t)
	s := spec(t, []int{1}, says(.9))
	s.Digest = "other"
	beside, _ := shadowOf(s, Config{Queue: 1}, 1)
	all := Tasks{slot, beside}
	if got := all.Bundles(); !slices.Equal(got, []string{"d"}) {
		t.Errorf("%q", got)
	}
	slot.written = func(context.Context, time.Time) (Labelled, error) { t.Error("labels are looked for"); return nil, nil }
	if err := all.Decider().Recall(t.Context(), []string{"d"}, time.Now()); err != nil {
		t.Error(err)
	}
	slot.written = func(context.Context, time.Time) (Labelled, error) { return nil, io.ErrUnexpectedEOF }
	if err := all.Decider().Recall(t.Context(), []string{"other"}, time.Now()); err != io.ErrUnexpectedEOF {
		t.Errorf("a bundle that is the shadow's now has labelled flows: %v", err)
	}
}

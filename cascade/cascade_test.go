package cascade

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
)

// modelFunc is a model that sees one row at a time.
type modelFunc func(row []float32, out []float64) error

func (m modelFunc) Predict(rows []float32, n int, out []float64) error {
	for i := range n {
		if err := m(rows[i*len(rows)/n:(i+1)*len(rows)/n], out[i*len(out)/n:(i+1)*len(out)/n]); err != nil {
			return err
		}
	}
	return nil
}

// says is a model that always gives class a probability p, b the rest.
func says(p float64) modelFunc {
	return func(_ []float32, out []float64) error { out[0], out[1] = p, 1-p; return nil }
}

func fails(_ []float32, _ []float64) error { return errors.New("out of order") }

// spec is a cascade of classes a and b with stages s0, s1 ... at the depths given.
func spec(t *testing.T, depths []int, models ...Model) *Spec {
	t.Helper()
	features, err := nprint.New([]string{"packets"})
	if err != nil {
		t.Fatal(err)
	}
	s := &Spec{Task: "test", Bundle: "test@1", Digest: "d", Classes: []string{"a", "b"}}
	for i, m := range models {
		s.Stages = append(s.Stages, Stage{Name: "s" + string(rune('0'+i)), Depth: depths[i], Features: features, Width: 1, Model: m,
			Output: Probabilities, Temperature: 1, Measure: LeastConfidence, Threshold: .2, Slow: i == len(models)-1})
	}
	return s
}

// rig is a cascade whose verdicts are kept.
type rig struct {
	*Cascade
	decider *Decider
	mu      sync.Mutex
	got     []Verdict
	acked   int
	ctx     context.Context // of each Decide
}

func newRig(s *Spec, cfg Config) *rig {
	cfg.Queue, cfg.Workers = max(1, cfg.Queue), max(1, cfg.Workers)
	cfg.Batch = max(1, cfg.Batch)
	cfg.Wait, cfg.Timeout = cmp.Or(cfg.Wait, time.Minute), cmp.Or(cfg.Timeout, time.Minute)
	r := &rig{ctx: context.Background()}
	m := NewMetrics(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	r.Cascade = New(s, cfg, m, func(ctx context.Context, v Verdict) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, v)
	})
	r.decider = r.Decider()
	return r
}

// Ack counts flows that were let go of.
func (r *rig) Ack() { r.acked++ }

// drain runs the slow stage until its queue is empty.
func (r *rig) drain() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Run(ctx)
}

// verdicts gives what came out, one word group a verdict.
func (r *rig) verdicts() string {
	var all []string
	for _, v := range r.got {
		kind := "final"
		if !v.Final {
			kind = "provisional"
		}
		all = append(all, strings.Join([]string{v.UID, v.Label(), v.Stage, string(v.Reason), kind}, " "))
	}
	return strings.Join(all, "; ")
}

// feed puts packets of uid "u" through a flow table, and decides like a worker.
// flags are those of each packet; late is wall time that passes afterwards.
func (r *rig) feed(flags []int16, late time.Duration) {
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 10, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: r.spec.Stages[0].Depth})
	decide := func(f *flow.Flow) {
		if f.Ready() && r.decider.Decide(r.ctx, f) {
			table.Finish(f)
		}
	}
	for i, flag := range flags {
		f, outcome := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("u"), N: uint32(i + 1), TS: 1e15 + int64(i)*1000, Flags: flag, Proto: zeek.TCP,
			Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")})
		if outcome == flow.Opened {
			f.Acker = r
		}
		if f != nil {
			decide(f)
		}
	}
	if late > 0 {
		table.Idle(0) // the wait for what came is over
		table.Idle(late)
		for f := table.Due(); f != nil; f = table.Due() {
			decide(f)
		}
	}
}

const rst = 4

func TestDecide(t *testing.T) {
	long := []int16{0, 0, 0, 0}
	cases := []struct {
		name   string
		models []Model
		depths []int
		flags  []int16
		late   time.Duration
		want   string
	}{
		{"sure at once", []Model{says(.9), says(0)}, []int{1, 3}, long, 0, "u a s0 confident final"},
		{"exactly at the threshold is sure", []Model{says(.8), says(0)}, []int{1, 3}, long, 0, "u a s0 confident final"},
		{"unsure: the last stage answers, sure or not", []Model{says(.7), says(.4)}, []int{1, 3}, long, 0, "u b s1 last_stage final"},
		{"waits for the depth", []Model{says(.7), says(.4)}, []int{1, 9}, long, 0, ""},
		{"the middle stage is sure", []Model{says(.6), says(.1), says(1)}, []int{1, 2, 3}, long, 0, "u b s1 confident final"},
		{"the flow ends first", []Model{says(.6), says(.3)}, []int{1, 9}, []int16{0, rst}, 0, "u b s1 flow_end final"},
		{"the next packet does not come", []Model{says(.6), says(.3)}, []int{1, 9}, []int16{0, 0}, 2 * time.Second, "u b s1 timeout final"},
		{"a closed flow at full depth is not cut short", []Model{says(.9), says(.3)}, []int{1, 9}, []int16{rst}, 0, "u a s0 confident final"},
		{"one stage alone", []Model{says(.3)}, []int{2}, long, 0, "u b s0 last_stage final"},
		{"the fast model fails", []Model{modelFunc(fails), says(.3)}, []int{1, 2}, long, 0, "u b s1 last_stage final"},
		{"the slow model fails", []Model{says(.6), modelFunc(fails)}, []int{1, 2}, long, 0, "u a s0 degraded final"},
	}
	for _, c := range cases {
		for _, queued := range []bool{true, false} {
			s := spec(t, c.depths, c.models...)
			s.Stages[len(s.Stages)-1].Slow = queued
			r := newRig(s, Config{})
			r.feed(c.flags, c.late)
			r.drain()
			if got := r.verdicts(); got != c.want {
				t.Errorf("%s (queued %v): got %q, want %q", c.name, queued, got, c.want)
			}
		}
	}
}

func TestFlowThatNoModelAnswersIsCounted(t *testing.T) {
	r := newRig(spec(t, []int{1, 2}, modelFunc(fails), modelFunc(fails)), Config{})
	r.feed([]int16{0, 0}, 0)
	r.drain()
	if len(r.got) != 0 || testutil.ToFloat64(r.metrics.unlabelled) != 1 || r.acked != 1 {
		t.Errorf("%d verdicts, %v counted, %d let go: want 0, 1, 1", len(r.got), testutil.ToFloat64(r.metrics.unlabelled), r.acked)
	}
}

func TestProvisionalComesBeforeFinal(t *testing.T) {
	r := newRig(spec(t, []int{1, 2}, says(.6), says(.1)), Config{Provisional: true})
	r.feed([]int16{0, 0}, 0)
	r.drain()
	if got, want := r.verdicts(), "u a s0 provisional provisional; u b s1 last_stage final"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if p, f := r.got[0], r.got[1]; p.Seq >= f.Seq || p.Acker != nil || f.Acker == nil {
		t.Errorf("seq %d then %d, pins %v and %v: the final one has the higher seq and the pin", p.Seq, f.Seq, p.Acker, f.Acker)
	}
}

func TestVerdictSaysWhatWasLookedAt(t *testing.T) {
	r := newRig(spec(t, []int{3}, says(.7)), Config{})
	r.feed([]int16{0, 0, 0, 0}, 0)
	r.drain()
	v := r.got[0]
	if v.Packets != 3 || v.Gap || v.First != 1e15 || v.Last != 1e15+2000 || v.Top[0] != (Guess{"a", v.Top[0].P}) || v.Top[1].Label != "b" || v.Top[2].Label != "" {
		t.Errorf("%+v", v)
	}
	if d := v.Uncertainty - .3; d > 1e-9 || d < -1e-9 {
		t.Errorf("uncertainty %v, want 0.3", v.Uncertainty)
	}
}

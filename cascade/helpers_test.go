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

// spec is a cascade of classes a and b with stages s0, s1 ... at the depths given, the
// last of which is slow.
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
	cascade  *Cascade
	slot     *Slot
	decider  *Decider
	tasks    int // that decider decides; 0: one
	registry *prometheus.Registry
	ctx      context.Context // of each Decide
	mu       sync.Mutex
	got      []Verdict
	acked    int
	waits    []int // how many packets a flow waits for after each Decide that is not final
}

func newRig(s *Spec, cfg Config) *rig {
	return newLoggingRig(s, cfg, io.Discard)
}

func newLoggingRig(s *Spec, cfg Config, log io.Writer) *rig {
	cfg.Queue, cfg.Workers = max(1, cfg.Queue), max(1, cfg.Workers)
	cfg.Batch = max(1, cfg.Batch)
	cfg.Wait, cfg.Timeout = cmp.Or(cfg.Wait, time.Minute), cmp.Or(cfg.Timeout, time.Minute)
	cfg.Objective = cmp.Or(cfg.Objective, time.Minute)
	r := &rig{ctx: context.Background(), registry: prometheus.NewRegistry()}
	m := NewMetrics(r.registry, slog.New(slog.NewTextHandler(log, nil)))
	r.cascade = New(s, cfg, m, func(_ context.Context, v Verdict) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, v)
	})
	r.slot = NewSlot(r.cascade, nil)
	r.decider = Tasks{r.slot}.Decider()
	return r
}

// Ack counts flows whose place in the log is given up.
func (r *rig) Ack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked++
}

// drain runs the slow stage until its queue is empty.
func (r *rig) drain() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.cascade.Run(ctx)
}

// verdicts gives what came out, one word group a verdict.
func (r *rig) verdicts() string {
	r.mu.Lock()
	defer r.mu.Unlock()
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

// packet is the n-th of a flow, with its TCP flags. It comes n-1 milliseconds after the first,
// or at another time.
type packet struct {
	n     uint32
	flags int16
	at    time.Duration
}

const rst = 4

// feed feeds a flow's packets from the first on, with these flags. late is wall time
// that passes afterwards.
func (r *rig) feed(flags []int16, late time.Duration) {
	var packets []packet
	for i, f := range flags {
		packets = append(packets, packet{n: uint32(i + 1), flags: f})
	}
	r.feedPackets(packets, late)
}

// feedPackets puts packets of uid "u" through a flow table, one each millisecond, and
// decides the flow as a partition does.
func (r *rig) feedPackets(packets []packet, late time.Duration) {
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 10, Idle: time.Second, MaxAge: time.Minute},
		Limits: flow.Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: r.cascade.spec.Stages[0].Depth, Tasks: r.tasks})
	decide := func(f *flow.Flow) {
		switch {
		case !f.Ready():
		case r.decider.Decide(r.ctx, f):
			table.Finish(f)
		default:
			table.Keep(f)
			r.waits = append(r.waits, int(f.Want))
		}
	}
	for _, p := range packets {
		f, outcome := table.Add(&zeek.Record{Kind: zeek.Packet, UID: []byte("u"), Sensor: []byte("tap"), N: p.n, TS: 1e15 + cmp.Or(p.at.Microseconds(), int64(p.n-1)*1000), Flags: p.flags,
			Proto: zeek.TCP, Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")})
		if outcome == flow.Opened {
			f.Acker = r
		}
		if f != nil {
			decide(f)
		}
	}
	if late > 0 {
		table.Idle(0)                  // the wait for what came is over
		table.Idle(time.Second + late) // records may be on their way for a second
		for f := table.Due(); f != nil; f = table.Due() {
			decide(f)
		}
	}
}

// feedConn puts one record of conn.log through a flow table, and decides it.
func (r *rig) feedConn(c *zeek.ConnFields) {
	table := flow.New(flow.Config{Rules: flow.Rules{Depth: 1, Idle: 1, MaxAge: 1}, Conns: true,
		Limits: flow.Limits{Flows: 10, Bytes: 1 << 20, Finished: 10}, Want: 1})
	f, _ := table.Add(&zeek.Record{Kind: zeek.Conn, UID: []byte("u"), TS: 1e15, Proto: zeek.TCP, Conn: c,
		Orig: netip.MustParseAddrPort("10.0.0.1:1"), Resp: netip.MustParseAddrPort("10.0.0.2:2")})
	f.Acker = r
	if f.Ready() && r.decider.Decide(r.ctx, f) {
		table.Finish(f)
	}
}

// onlySlow is the slow stage of a cascade that has one.
func (c *Cascade) onlySlow() *slowStage {
	for _, s := range c.slow {
		if s != nil {
			return s
		}
	}
	return nil
}

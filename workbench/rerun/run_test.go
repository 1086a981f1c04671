package rerun

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/nprint"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ports is a model that knows a flow by its responder's port: dns for 53, web for others. It is
// unsure of the class where only one packet was seen.
type ports struct{ broken bool }

func (p ports) Predict(rows []float32, n int, out []float64) error {
	if p.broken {
		return errors.New("broken")
	}
	for i := range n {
		port, packets := rows[2*i], rows[2*i+1]
		sure := 1.0
		if packets == 1 {
			sure = .6
		}
		if out[2*i], out[2*i+1] = sure, 1-sure; port != 53 {
			out[2*i], out[2*i+1] = 1-sure, sure
		}
	}
	return nil
}

func run(t *testing.T, model cascade.Model) Run {
	t.Helper()
	features, err := nprint.New([]string{"resp_port", "packets"})
	if err != nil {
		t.Fatal(err)
	}
	spec := &cascade.Spec{Task: "t", Bundle: "t@1", Digest: "d", Classes: []string{"dns", "web"}}
	for i, depth := range []int{1, 3} {
		spec.Stages = append(spec.Stages, cascade.Stage{Name: []string{"first", "slow"}[i], Depth: depth, Features: features, Width: 2, Model: model,
			Output: cascade.Probabilities, Temperature: 1, Measure: cascade.LeastConfidence, Threshold: .1, Slow: i == 1})
	}
	return Run{Spec: spec, Log: slog.New(slog.DiscardHandler),
		Flow: flow.Config{Rules: flow.Rules{Depth: 3, Idle: 2 * time.Second, MaxAge: time.Minute, Lateness: 200 * time.Millisecond, Opens: 3},
			Limits: flow.Limits{Flows: 1000, Bytes: 1 << 24, Finished: 1000}, Want: 1, Tasks: 1, Remember: time.Minute},
		Cascade: cascade.Config{Queue: 100, Workers: 1, Batch: 8, Wait: time.Minute, Objective: time.Minute, Timeout: time.Minute}}
}

func records(t *testing.T) *Records {
	t.Helper()
	all := NewRecords(false, zeek.Limits{})
	for _, line := range lab.Records(t, "lab") {
		if err := all.Add(line); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Each flow has one verdict, in order of time, and each run gives the same.
func TestLabel(t *testing.T) {
	all, r := records(t), run(t, ports{})
	var before []string
	for range 2 {
		got, err := r.Label(t.Context(), all)
		if err != nil || got.CPU <= 0 || got.Foreign != 0 || got.Unlabelled != 0 {
			t.Fatalf("%v, %v of CPU, %d foreign, %d without a label", err, got.CPU, got.Foreign, got.Unlabelled)
		}
		var said []string
		for i, v := range got.Verdicts {
			if i > 0 && v.First < got.Verdicts[i-1].First || !v.Final || (v.Resp.Port() == 53) != (v.Label() == "dns") || v.Acker != nil {
				t.Fatalf("%+v", v)
			}
			said = append(said, v.UID+" "+v.Stage+" "+string(v.Reason))
		}
		if len(said) != 582 || before != nil && !slices.Equal(said, before) {
			t.Fatalf("%d flows, and the same again: %v", len(said), slices.Equal(said, before))
		}
		before = said
	}
}

// A part of the cascade is a cascade, and one record set serves all of them.
func TestLabelByOneStage(t *testing.T) {
	all, r := records(t), run(t, ports{})
	r.Spec = r.Spec.Only("first")
	r.Flow.Rules.Depth, r.Flow.Rules.Opens = 1, 1
	got, err := r.Label(t.Context(), all)
	if err != nil || len(got.Verdicts) != 582 {
		t.Fatalf("%v, %d flows", err, len(got.Verdicts))
	}
	for _, v := range got.Verdicts {
		if v.Stage != "first" || v.Packets > 1 {
			t.Fatalf("%+v", v)
		}
	}
}

// Flows that no model answers for are counted.
func TestModelsThatFail(t *testing.T) {
	got, err := run(t, ports{broken: true}).Label(t.Context(), records(t))
	if err != nil || len(got.Verdicts) != 0 || got.Unlabelled != 582 {
		t.Errorf("%v, %d verdicts, %d without a label", err, len(got.Verdicts), got.Unlabelled)
	}
}

// A bad record is left out, and said.
func TestBadRecord(t *testing.T) {
	all := NewRecords(false, zeek.Limits{})
	var bad *zeek.Error
	if err := all.Add([]byte("{")); !errors.As(err, &bad) || all.Len() != 0 {
		t.Errorf("%v, %d records", err, all.Len())
	}
}

// Records of another kind than the bundle reads are refused.
func TestOtherKind(t *testing.T) {
	r := run(t, ports{})
	r.Spec.Conns = true
	if _, err := r.Label(t.Context(), records(t)); err == nil {
		t.Error("a bundle for conn.log labels packets")
	}
}

// A run that is told to stop says so.
func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := run(t, ports{}).Label(ctx, records(t)); err == nil {
		t.Error("it went on")
	}
}
